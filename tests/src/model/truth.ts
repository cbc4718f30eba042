import type { MemoryTables } from '@flux/api/testing';
import type { EventResource, ExecutionResource } from '@flux/contracts';
import { isTerminal, type ExecutionState } from '@flux/domain';
import { historyFaults } from '../support/history.js';
import type { Answer } from './simulation.js';
import type { World } from './world.js';

/** What the database has of an execution. */
interface Row {
  readonly id: string;
  readonly state: ExecutionState;
  readonly attempt: number;
  readonly workerId: string | null;
}

/** Looks on, with the database at hand, and notes everything that must not be. */
export class Truth {
  readonly faults: string[] = [];
  /** What happened, for whoever reads a counterexample. */
  readonly story: string[] = [];
  #rows = new Map<string, Row>();
  readonly #cleanups = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly tables: MemoryTables,
  ) {}

  fault(text: string): void {
    this.faults.push(`${this.#clock}: ${text}`);
  }

  executions(): Row[] {
    return [...this.#rows.values()];
  }

  /** After each statement: attempts never fall, and nothing leaves a terminal state. */
  look(): void {
    const rows = this.#read();
    for (const [id, row] of rows) {
      const before = this.#rows.get(id);
      if (before?.state === row.state && before.attempt === row.attempt && before.workerId === row.workerId) {
        continue;
      }
      this.story.push(`${this.#clock} ${id.slice(-1)} ${row.state} ${row.attempt} ${row.workerId ?? '-'}`);
      if (before && row.attempt < before.attempt) this.fault(`${id}: its attempt falls`);
      if (before && isTerminal(before.state) && row.state !== before.state) {
        this.fault(`${id}: ${before.state} became ${row.state}`);
      }
    }
    this.#rows = rows;
  }

  /** Code of an execution has done something: it must be its owner's, and the execution must not be over. */
  effect(workerId: string, of: { readonly executionId: string; readonly attempt: number }, what: string): void {
    const { executionId: id, attempt } = of;
    this.story.push(`${this.#clock} ${id.slice(-1)} ${what} in attempt ${attempt} on ${workerId}`);
    const row = this.#rows.get(id);
    const who = `${id}: '${what}' of attempt ${attempt} on ${workerId}`;
    if (!row) this.fault(`${who}, and there is no such execution`);
    else if (isTerminal(row.state)) this.fault(`${who} after it was ${row.state}`);
    else if (row.attempt !== attempt || row.workerId !== workerId) {
      this.fault(`${who}, which is attempt ${row.attempt} of ${row.workerId ?? 'nobody'} by now`);
    }
    if (what !== 'cleanup begins') return;
    const key = `${id} ${attempt}`;
    const times = (this.#cleanups.get(key) ?? 0) + 1;
    this.#cleanups.set(key, times);
    if (times > 1) this.fault(`${who} for the ${times}th time`);
  }

  /** What a caller is told is so at that moment, and can still become what it was told of. */
  checkAnswer(id: string, state: ExecutionState | undefined, accepted: boolean): void {
    this.story.push(`${this.#clock} ${id.slice(-1)} cancel answered ${String(state)}`);
    const present = this.#rows.get(id)?.state;
    if (state === undefined || present === undefined) return;
    if (isTerminal(state) && state !== present) this.fault(`${id}: answered ${state} while ${present}`);
    if (!accepted && state === 'CANCELLED') this.fault(`${id}: a cancel of CANCELLED was refused`);
    if (accepted && state !== 'CANCELLING' && state !== 'CANCELLED') {
      this.fault(`${id}: a cancel was accepted and answered ${state}`);
    }
  }

  /** What is so once everything has ended. */
  judge(executions: ReadonlyArray<ExecutionResource & { events?: EventResource[] }>, answers: readonly Answer[]): void {
    if (executions.length !== this.#rows.size) this.fault('not every execution could be read');
    for (const execution of executions) {
      for (const fault of historyFaults(execution, execution.events ?? [])) this.fault(fault);
    }
    const finals = new Map(executions.map((execution) => [execution.executionId, execution]));
    for (const { executionId, state, accepted } of answers) {
      const final = finals.get(executionId);
      if (!final || state === undefined) continue;
      const asTold = accepted
        ? final.state === 'CANCELLED' || (state === 'CANCELLING' && final.cancellation !== null)
        : final.state === state;
      if (!asTold) this.fault(`${executionId}: told ${state}, and it ended ${final.state}`);
    }
  }

  #read(): Map<string, Row> {
    const { executions } = this.tables.snapshot();
    return new Map(
      [...executions].map(([id, row]) => [
        id,
        {
          id,
          state: row.state as ExecutionState,
          attempt: row.attempt as number,
          workerId: (row.worker_id ?? null) as string | null,
        },
      ]),
    );
  }

  get #clock(): string {
    return `+${this.world.now - 1_800_000_000_000} ms`;
  }
}
