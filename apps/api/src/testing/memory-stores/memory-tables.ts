import type { WorkerResource, WorkerWish, WorkflowDefinition } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { NewExecution } from '../../lifecycle/change.js';
import type { ExecutionRecord } from '../../lifecycle/execution.js';
import type { OutboxRow } from '../../lifecycle/messages.js';
import { dueAt } from '../../lifecycle/timing.js';
import type { NumberedEvent } from '../../store/pending-write.js';
import type { NewWorker, Piece } from '../../store/ports.js';

/** An execution as it is kept; times are epoch milliseconds. */
export interface StoredExecution extends ExecutionRecord, Pick<NewExecution, 'idempotencyKey'> {
  readonly dueAt: number | null;
}

export interface StoredWorker extends NewWorker {
  readonly state: WorkerResource['state'];
  readonly lastSeenAt: number;
  readonly leaseUntil: number;
  readonly lostAt: number | null;
  readonly askedAt: number | null;
}

interface StoredWorkflow {
  readonly definition: WorkflowDefinition;
  readonly firstRegisteredAt: number;
}

/** The tables in memory, and their clock. No row is changed in place. */
export interface MemoryTables {
  readonly now: () => number;
  readonly executions: Map<string, StoredExecution>;
  /** The events of each execution, in the order of `seq`. */
  readonly events: Map<string, readonly NumberedEvent[]>;
  /** Each row with the time until which it is somebody's. */
  readonly outbox: Map<string, { readonly row: OutboxRow; readonly dueAt: number }>;
  /** The pieces by id and index, each with the time when it was put. */
  readonly pieces: Map<string, { readonly piece: Piece; readonly putAt: number }>;
  readonly workers: Map<string, StoredWorker>;
  /** The wishes by hand, by the name of the workers. */
  readonly wishes: Map<string, WorkerWish>;
  /** The workflows by name and version. */
  readonly workflows: Map<string, StoredWorkflow>;
}

export function emptyTables(now: () => number): MemoryTables {
  return {
    now,
    executions: new Map(),
    events: new Map(),
    outbox: new Map(),
    pieces: new Map(),
    workers: new Map(),
    wishes: new Map(),
    workflows: new Map(),
  };
}

/** A port whose calls answer at once. */
export type Sync<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result
    : Port[Name];
};

/** A value of its own, with what JSON has of it. */
export function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

export function stored(
  record: ExecutionRecord,
  { idempotencyKey }: Pick<NewExecution, 'idempotencyKey'>,
): StoredExecution {
  return { ...copy(record), idempotencyKey, dueAt: dueAt(record) };
}

export const isLive = ({ state }: StoredWorker): boolean => state === 'running' || state === 'draining';

export const isOwned = ({ state }: ExecutionRecord): boolean => state === 'RUNNING' || state === 'CANCELLING';

export const isOpen = ({ state }: ExecutionRecord): boolean => !isTerminal(state);
