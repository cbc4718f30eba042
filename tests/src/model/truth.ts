import type { MemoryTables } from '@flux/api/testing';
import type { EventResource, ExecutionResource } from '@flux/contracts';
import { isTerminal, type ExecutionState } from '@flux/domain';
import { historyFaults } from '../support/history.js';
import { recordFaults, undoFaults } from './record-faults.js';
import { GRACE_MS, LEASE_MS } from './simulated-api.js';
import type { Tally } from './tally.js';
import { BEGINNING, type World } from './world.js';

/** How much longer than its grace period a cancel may take where nothing is broken. */
const CALM_LATE_MS = 2_000;

/**
 * Once nothing is broken any more, a cancel that has so long left is heard of by a body: by then a frozen or lost owner is
 * found out, and everybody is back.
 */
const HEARD_AFTER_MS = LEASE_MS + 3_000;

/** An execution as the database has it. */
export type Row = NonNullable<ReturnType<MemoryTables['executions']['get']>>;

/** The answer that a caller was given about an execution. */
export interface Answer {
  readonly what: 'cancel' | 'sync cancel' | 'undo' | 'status';
  readonly executionId: string;
  readonly state: ExecutionState;
  /** False for one that was refused because of that state. */
  readonly accepted: boolean;
  readonly askedAt: number;
}

/** A deed of an execution's code. */
export interface Deed {
  readonly workerId: string;
  readonly executionId: string;
  readonly attempt: number;
  readonly what: string;
  readonly hasJustWoken: boolean;
}

interface Held {
  readonly state: ExecutionState;
  readonly from: number;
}

type Finished = ExecutionResource & { readonly events?: readonly EventResource[] };

/** Looks on, with the database at hand, and notes everything that must not be. */
export class Truth {
  readonly faults: string[] = [];
  /** Nothing is broken, now and later. */
  isCalm = false;
  /** When everything that was broken had been mended. */
  mendedAt = Number.POSITIVE_INFINITY;
  /** A worker that lives and hears may be kept from reporting. */
  mayBeSilent = false;
  /** The story of the run, for the reader of a counterexample. */
  readonly story: string[] = [];
  /** The rows as they were looked at last; none is changed in place. */
  readonly #rows = new Map<string, Row>();
  /** The states that each has been in. */
  readonly #states = new Map<string, Held[]>();
  readonly #answers: Answer[] = [];
  readonly #once = new Set<string>();
  /** When a body has been told of a cancel. */
  readonly #heard = new Map<string, number[]>();
  /** The attempt of each execution that is at a step which only a cancel ends. */
  readonly #busy = new Map<string, number>();
  readonly #names = new Map<string, string>();

  constructor(
    private readonly world: World,
    private readonly tables: MemoryTables,
    private readonly tally: Tally,
  ) {}

  fault(text: string): void {
    this.faults.push(`${this.#clock}: ${text}`);
  }

  tell(text: string): void {
    this.story.push(`${this.#clock} ${text}`);
  }

  executions(): Row[] {
    return [...this.#rows.values()];
  }

  /** The executions that have not ended. */
  open(): Row[] {
    return this.executions().filter(({ state }) => !isTerminal(state));
  }

  /** Nothing happens to it but by a caller: it is paused or busy for ever, or waits for nothing but a child that is. */
  waits({ id, state, attempt, dueAt }: Row): boolean {
    if (state === 'PAUSED') return dueAt === null;
    if (state === 'RUNNING' && this.#busy.get(id) === attempt) return true;
    if (state !== 'SLEEPING' || dueAt !== null) return false;
    const children = this.open().filter(({ parentExecutionId }) => parentExecutionId === id);
    return children.length > 0 && children.every((child) => this.waits(child));
  }

  /** Open in spite of a cancel that had to reach it, with its parent or by itself. */
  missed(): Row[] {
    const isReached = ({ parent, parentExecutionId }: Row): boolean =>
      this.#rows.get(parentExecutionId ?? '')?.state === 'CANCELLED' &&
      parent?.onParentCancel !== 'abandon' &&
      !parent?.shielded;
    return this.open().filter((row) => row.state !== 'CANCELLING' && isReached(row));
  }

  /** How an execution is called here: its number, or the name of a child. */
  name(id: string, name = `child ${this.#names.size}`): string {
    const known = this.#names.get(id) ?? name;
    this.#names.set(id, known);
    return known;
  }

  /** After each commit: attempts and histories never fall, and nothing leaves a terminal state or follows it. */
  look(): void {
    for (const [id, row] of this.tables.executions) {
      const before = this.#rows.get(id);
      this.#rows.set(id, row);
      if (!before || !isSame(before, row)) this.#compare(before, row);
    }
  }

  /**
   * Code of an execution has done something: it must be its owner's, and the execution must not be over. Only the task
   * that a frozen process was in may go on when that wakes, to the next point at which Flux can stop it.
   */
  effect({ workerId, executionId: id, attempt, what, hasJustWoken }: Deed): void {
    const row = this.#rows.get(id);
    const who = `${this.name(id)}: '${what}' of attempt ${attempt} on ${workerId}`;
    if (!what.endsWith(' goes on')) this.tell(who);
    const isOwned = row && !isTerminal(row.state) && row.attempt === attempt && row.workerId === workerId;
    if (!isOwned && hasJustWoken && / (goes on|ends)$/.test(what)) {
      this.tally.add('lines that a frozen process went on with');
    } else if (!row) this.fault(`${who}, and there is no such execution`);
    else if (isTerminal(row.state)) this.fault(`${who} after it was ${row.state}`);
    else if (!isOwned) {
      this.fault(`${who}, which is attempt ${row.attempt} of ${row.workerId ?? 'nobody'} by now`);
    }
    if (what === 'busy begins') this.#busy.set(id, attempt);
    if (what !== 'cleanup begins' && what !== 'handler') return;
    this.#heard.set(id, [...(this.#heard.get(id) ?? []), this.world.now]);
    if (this.#once.has(who)) this.fault(`${who} for the second time`);
    this.#once.add(who);
  }

  /** Checks that a caller's answer was true at some time since the caller asked. */
  answer(answer: Answer): void {
    const { what, executionId: id, state, accepted, askedAt } = answer;
    this.#answers.push(answer);
    const verdict = accepted ? state : `refused as ${state}`;
    this.tell(`${this.name(id)}: ${what} answered ${verdict}`);
    this.tally.add(`answer: ${what} ${verdict}`);
    const states = this.#states.get(id) ?? [];
    const since = states.filter((_, index) => (states[index + 1]?.from ?? Infinity) >= askedAt);
    if (!since.some((held) => held.state === state)) {
      this.fault(`${this.name(id)}: ${what} answered ${state}, which it has not been since that was asked`);
    }
    if (what !== 'cancel' && what !== 'sync cancel') return;
    if (!accepted && state === 'CANCELLED') this.fault(`${this.name(id)}: a cancel of CANCELLED was refused`);
    if (what === 'cancel' && accepted && state !== 'CANCELLING' && state !== 'CANCELLED') {
      this.fault(`${this.name(id)}: a cancel was accepted and answered ${state}`);
    }
  }

  /** Checks what must be so once everything has ended. */
  judge(executions: readonly Finished[]): void {
    if (executions.length !== this.#rows.size) this.fault('not every execution could be read');
    for (const execution of executions) {
      const { executionId: id, events = [] } = execution;
      const heardAt = this.#heard.get(id) ?? [];
      const faults = [historyFaults(execution, events), undoFaults(events, heardAt), recordFaults(events)];
      for (const fault of faults.flat()) this.fault(`${this.name(id)}: ${fault}`);
      const unreported = events.some(({ type, data }) => type === 'worker_lost' && 'reason' in data);
      if (unreported) this.tally.add('cancels that were taken from a silent owner');
      if (unreported && !this.mayBeSilent)
        this.fault(`${this.name(id)}: was taken from an owner that reports`);
      if (this.#heard.has(id) && execution.state !== 'CANCELLED') {
        const why = execution.error ? `: ${execution.error.message}` : '';
        this.fault(`${this.name(id)}: its body heard of a cancel, and it ended ${execution.state}${why}`);
      }
      if (execution.error?.name === 'TypeError')
        this.fault(`${this.name(id)}: its code broke: ${execution.error.message}`);
      this.#judgeCleanup(execution, events);
      this.tally.add(`end: ${execution.state}`);
      if (execution.cancellation) this.tally.add(`cleanup: ${String(execution.cancellation.cleanup)}`);
      if (execution.attempt > 1) this.tally.add('executions that were taken over');
      for (const { type } of events) this.tally.add(`event: ${type}`);
    }
    const finals = new Map(executions.map((execution) => [execution.executionId, execution]));
    for (const answer of this.#answers) {
      const final = finals.get(answer.executionId);
      if (final && !becameAsTold(answer, final)) {
        this.fault(
          `${this.name(answer.executionId)}: ${answer.what} told ${answer.state}, and it ended ${final.state}`,
        );
      }
    }
  }

  /** A cleanup that nobody ran: only where nobody was there for it in all the time that a cancel may take, or by force. */
  #judgeCleanup(
    { executionId: id, cancellation, parentExecutionId }: Finished,
    events: readonly EventResource[],
  ): void {
    const { cleanup, requestedAt = '', finalizedAt } = cancellation ?? {};
    const isForced = events.some(({ type }) => type === 'cancel_forced') || wasForced(events);
    if (cleanup !== 'not_run' || isForced || parentExecutionId !== null || !finalizedAt) return;
    const [from, to] = [Date.parse(requestedAt), Date.parse(finalizedAt)];
    if (to - from < GRACE_MS + LEASE_MS) {
      this.fault(`${this.name(id)}: its cleanup was given up ${to - from} ms after the cancel`);
    }
    if (to - Math.max(from, this.mendedAt) > HEARD_AFTER_MS && !this.mayBeSilent) {
      this.fault(`${this.name(id)}: nobody ran its cleanup, and nothing was broken`);
    }
  }

  #compare(before: Row | undefined, row: Row): void {
    const { id, state, attempt, workerId } = row;
    const name = this.name(id);
    const states = this.#states.get(id) ?? [];
    this.#states.set(id, states);
    const held = states.at(-1);
    if (state !== before?.state) states.push({ state, from: this.world.now });
    this.tell(`${name} is ${state}, attempt ${attempt} of ${workerId ?? 'nobody'}`);
    if (!before) return;
    const tookMs = this.world.now - (held?.from ?? 0);
    if (this.isCalm && held?.state === 'CANCELLING' && tookMs > GRACE_MS + CALM_LATE_MS) {
      this.fault(`${name}: its cancel has taken ${tookMs} ms and nothing is broken`);
    }
    if (attempt < before.attempt) this.fault(`${name}: its attempt falls`);
    if (row.lastEventSeq < before.lastEventSeq) this.fault(`${name}: its history falls`);
    if (!isTerminal(before.state)) return;
    if (state !== before.state) this.fault(`${name}: ${before.state} became ${state}`);
    else this.fault(`${name}: something happened to it after it was ${state}`);
  }

  get #clock(): string {
    return `+${this.world.now - BEGINNING} ms`;
  }
}

function isSame(a: Row, b: Row): boolean {
  return (
    a.state === b.state &&
    a.attempt === b.attempt &&
    a.workerId === b.workerId &&
    a.lastEventSeq === b.lastEventSeq
  );
}

function wasForced(events: readonly EventResource[]): boolean {
  const requested = events.find((event) => event.type === 'cancel_requested');
  return requested !== undefined && requested.data.deadlineAt <= requested.at;
}

/** A cancel that is answered comes true, unless it is taken back or the body had ended before the signal. */
function becameAsTold({ what, state, accepted }: Answer, final: Finished): boolean {
  if (isTerminal(state)) return final.state === state;
  if (!accepted || state !== 'CANCELLING' || what === 'undo') return true;
  const undone = final.events?.some(({ type }) => type === 'cancel_undone') ?? false;
  return final.state === 'CANCELLED' || final.cancellation !== null || undone;
}
