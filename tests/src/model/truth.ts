import type { MemoryTables } from '@flux/api/testing';
import type { EventResource, ExecutionResource } from '@flux/contracts';
import { isTerminal, type ExecutionState } from '@flux/domain';
import { historyFaults } from '../support/history.js';
import { recordFaults, undoFaults } from './record-faults.js';
import { GRACE_MS } from './simulated-api.js';
import type { Tally } from './tally.js';
import { BEGINNING, type World } from './world.js';

/** How much longer than its grace period a cancel may take where nothing is broken. */
const CALM_LATE_MS = 2_000;

/** What the database has of an execution. */
export interface Row {
  readonly id: string;
  readonly state: ExecutionState;
  readonly attempt: number;
  readonly workerId: string | null;
  readonly lastEventSeq: number;
  readonly parent: string | null;
  /** A cancel of its parent reaches it. */
  readonly followsParent: boolean;
  /** When the api looks at it by itself next. */
  readonly dueAt: number | null;
}

/** What a caller was told of an execution. */
export interface Answer {
  readonly what: 'cancel' | 'sync cancel' | 'undo' | 'status';
  readonly executionId: string;
  readonly state: ExecutionState;
  /** False for one that was refused because of that state. */
  readonly accepted: boolean;
  readonly askedAt: number;
}

/** What code of an execution did. */
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
  /** What happened, for whoever reads a counterexample. */
  readonly story: string[] = [];
  readonly #rows = new Map<string, Row>();
  /** As they were looked at last; none is changed in place. */
  readonly #seen = new Map<string, object>();
  /** The states that each has been in. */
  readonly #states = new Map<string, Held[]>();
  readonly #answers: Answer[] = [];
  readonly #once = new Set<string>();
  /** When a body has been told of a cancel. */
  readonly #heard = new Map<string, number[]>();
  /** Which attempt is at what ends by a cancel alone. */
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

  /** Those that have not ended. */
  open(): Row[] {
    return this.executions().filter(({ state }) => !isTerminal(state));
  }

  /** Nothing happens to it but by a caller: it is paused or busy for ever, or waits for nothing but a child that is. */
  waits({ id, state, attempt, dueAt }: Row): boolean {
    if (state === 'PAUSED') return dueAt === null;
    if (state === 'RUNNING' && this.#busy.get(id) === attempt) return true;
    if (state !== 'SLEEPING' || dueAt !== null) return false;
    const children = this.open().filter(({ parent }) => parent === id);
    return children.length > 0 && children.every((child) => this.waits(child));
  }

  /** Open in spite of a cancel that had to reach it, with its parent or by itself. */
  missed(): Row[] {
    const isCancelled = ({ parent }: Row): boolean => this.#rows.get(parent ?? '')?.state === 'CANCELLED';
    return this.open().filter((row) => row.state !== 'CANCELLING' && row.followsParent && isCancelled(row));
  }

  /** How an execution is called here: its number, or the name of a child. */
  name(id: string, name = `child ${this.#names.size}`): string {
    const known = this.#names.get(id) ?? name;
    this.#names.set(id, known);
    return known;
  }

  /** After each commit: attempts and histories never fall, and nothing leaves a terminal state or follows it. */
  look(): void {
    for (const [id, columns] of this.tables.present.executions) {
      if (this.#seen.get(id) === columns) continue;
      this.#seen.set(id, columns);
      const row: Row = {
        id,
        state: columns.state as ExecutionState,
        attempt: columns.attempt as number,
        workerId: (columns.worker_id ?? null) as string | null,
        lastEventSeq: columns.last_event_seq as number,
        parent: (columns.parent_execution_id ?? null) as string | null,
        followsParent: this.#rows.get(id)?.followsParent ?? followsParent(columns.parent_link),
        dueAt: (columns.due_at ?? null) as number | null,
      };
      const before = this.#rows.get(id);
      this.#rows.set(id, row);
      if (before && isSame(before, row)) continue;
      this.#compare(before, row);
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

  /** What a caller is told has been so since it asked. */
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

  /** What is so once everything has ended. */
  judge(executions: readonly Finished[]): void {
    if (executions.length !== this.#rows.size) this.fault('not every execution could be read');
    for (const execution of executions) {
      const { executionId: id, events = [] } = execution;
      const heardAt = this.#heard.get(id) ?? [];
      const faults = [historyFaults(execution, events), undoFaults(events, heardAt), recordFaults(events)];
      for (const fault of faults.flat()) this.fault(`${this.name(id)}: ${fault}`);
      if (this.#heard.has(id) && execution.state !== 'CANCELLED') {
        this.fault(`${this.name(id)}: its body heard of a cancel, and it ended ${execution.state}`);
      }
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

/** A cancel that is answered comes true, unless it is taken back or the body had ended before the signal. */
function becameAsTold({ what, state, accepted }: Answer, final: Finished): boolean {
  if (isTerminal(state)) return final.state === state;
  if (!accepted || state !== 'CANCELLING' || what === 'undo') return true;
  const undone = final.events?.some(({ type }) => type === 'cancel_undone') ?? false;
  return final.state === 'CANCELLED' || final.cancellation !== null || undone;
}

/** Whether a cancel of its parent is one of the child's too. */
function followsParent(parentLink: unknown): boolean {
  if (typeof parentLink !== 'string') return false;
  const { onParentCancel, shielded } = JSON.parse(parentLink) as {
    readonly onParentCancel: string;
    readonly shielded: boolean;
  };
  return onParentCancel !== 'abandon' && !shielded;
}
