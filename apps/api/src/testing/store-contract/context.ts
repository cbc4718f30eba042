import type { WorkflowDefinition } from '@flux/contracts';
import type { Change, NewEvent } from '../../lifecycle/change.js';
import type { ExecutionRecord, ExecutionRow } from '../../lifecycle/execution.js';
import { runMessage, type OutboxMessage } from '../../lifecycle/messages.js';
import { newExecution, type StartCommand } from '../../lifecycle/start.js';
import { PendingWrite, withId } from '../../store/pending-write.js';
import type { NewWorker, Start, Stores } from '../../store/ports.js';
import { DEFINITION as CRAWL, NOW } from '../execution-rows.js';

/** Empty stores, whose time goes on by `pass` alone. */
export interface StoreHarness {
  readonly stores: Stores;
  pass(milliseconds: number): void;
}

/** The stores, and what tests do with them again and again. */
export class Context {
  constructor(readonly harness: StoreHarness) {}

  get stores(): Stores {
    return this.harness.stores;
  }

  /** Creates an execution. */
  async start(
    command: Partial<StartCommand> = {},
    changes: Partial<ExecutionRecord> = {},
  ): Promise<ExecutionRecord> {
    const each = startOf(command, changes);
    await this.stores.executions.insert([each]);
    return each.start.record;
  }

  /** Writes a change of the row as it is; says whether that was written. */
  async change(
    row: ExecutionRow,
    changes: Partial<ExecutionRow>,
    rest: Partial<Change> = {},
  ): Promise<ExecutionRow | undefined> {
    const write = new PendingWrite(row);
    write.add({ events: [], outbox: [], ...rest, row: { ...row, ...changes } });
    const written = await this.stores.executions.write([write]);
    return written.has(row.id) ? this.row(row.id) : undefined;
  }

  async row(id: string): Promise<ExecutionRow> {
    const [row] = await this.stores.executions.readRows([id]);
    if (!row) throw new Error('there is no such execution');
    return row;
  }

  /** The events after a number. */
  async events(id: string, after: number): Promise<unknown[]> {
    const { events } = await this.stores.histories.readEvents(id, after, { events: 10, bytes: 10_000 });
    return events.map(({ bytes: _, data, ...event }) => ({
      ...event,
      data: JSON.parse(data ?? '') as unknown,
    }));
  }

  /** An execution that a worker of that name runs. */
  async run(workerId: string, changes: Partial<ExecutionRow> = {}): Promise<ExecutionRow> {
    const claimed = { state: 'RUNNING', attempt: 1, workerId, claimId: 'claim', startedAt: NOW } as const;
    const row = await this.change(await this.start(), { ...claimed, nextDispatchAt: null, ...changes });
    if (!row) throw new Error('it was not written');
    return row;
  }
}

export type Contextual = () => Context;

export const DEFINITION: WorkflowDefinition = { ...CRAWL, gracePeriodMs: 2_500 };

export const WORKER: NewWorker = {
  workerId: 'worker-a',
  name: 'a',
  concurrency: 4,
  runners: 1,
  startedAt: NOW,
  workflows: [DEFINITION],
};

export function startOf(command: Partial<StartCommand> = {}, changes: Partial<ExecutionRecord> = {}): Start {
  const asked: StartCommand = {
    workflowName: 'crawl',
    input: { z: 1, a: ['\u0000', null] },
    executionId: undefined,
    idempotencyKey: undefined,
    labels: { team: 'search' },
    timeoutMs: undefined,
    requestedBy: 'cli:ada',
    ...command,
  };
  const start = newExecution(asked, DEFINITION, NOW);
  const record = { ...start.record, ...changes };
  return { start: { ...start, record }, run: withId(runMessage(record)) };
}

export function event<T extends NewEvent['type']>(
  type: T,
  data: Extract<NewEvent, { type: T }>['data'],
): NewEvent {
  return { type, at: NOW + 1, attempt: 1, data } as Extract<NewEvent, { type: T }>;
}

export const someMessage = (target: string): OutboxMessage => ({
  kind: 'pause',
  target,
  body: { executionId: '', attempt: 1 },
});

export const idsOf = (rows: ReadonlyArray<{ readonly id: string }>): string[] =>
  rows.map(({ id }) => id).sort();
