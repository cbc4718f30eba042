import type { ErrorInfo, HistoryEvent, HistoryEventType } from '@flux/contracts';
import type { ExecutionRecord, ExecutionRow } from './execution.js';
import type { OutboxMessage } from './messages.js';

/** A child to be started, and at once cancelled where its parent's cancel is under way. */
export interface NewChild {
  readonly start: NewExecution;
  readonly caught: Change | null;
}

/** An event to be recorded; its number is given when it is written. */
export type NewEvent = HistoryEvent<HistoryEventType, Stamp>;

interface Stamp {
  readonly at: number;
  readonly attempt: number;
  /** The number of an earlier event, whose `value` is this one's too: large ones are carried by no row. */
  readonly valueFrom?: number | undefined;
}

/** The output or the error that a finished body leaves. */
export interface Result {
  readonly output?: unknown;
  readonly error?: ErrorInfo;
}

/** The effect of a decision on one execution; written whole or not at all. */
export interface Change<Row extends ExecutionRow = ExecutionRow> {
  readonly row: Row;
  readonly events: readonly NewEvent[];
  readonly outbox: readonly OutboxMessage[];
  readonly result?: Result;
  /** Started in the same transaction. */
  readonly children?: readonly NewChild[];
  /** Outbox rows that are done with once it is written. */
  readonly consumes?: readonly string[];
}

/** A change with what comes on top of it. */
export function followed<Row extends ExecutionRow>(
  change: Change<Row>,
  { row, events = [], outbox = [] }: Pick<Change<Row>, 'row'> & Partial<Change<Row>>,
): Change<Row> {
  return { ...change, row, events: [...change.events, ...events], outbox: [...change.outbox, ...outbox] };
}

/** An event that cancels an execution, with the key that it is about. */
export interface CancelKey {
  readonly event: string;
  readonly key: string;
}

/** An execution to be created. */
export interface NewExecution {
  readonly record: ExecutionRecord;
  /** The id, when the caller chose it. */
  readonly namedId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly requestedBy: string;
  /** The events that cancel it. */
  readonly cancelKeys: readonly CancelKey[];
}
