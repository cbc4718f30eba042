import { v7 as uuid } from 'uuid';
import type { Change, NewChild, NewEvent, Result } from '../lifecycle/change.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { familyMessages, runMessage, type OutboxMessage, type OutboxRow } from '../lifecycle/messages.js';

export type NumberedEvent = NewEvent & { readonly seq: number };

/** The write of one execution, which is done whole or not at all. */
export interface Write<Row extends ExecutionRow = ExecutionRow> {
  /** The row as the write leaves it, but for `version`, which is the one that the write was decided on. */
  readonly row: Row;
  readonly result: Result | undefined;
  readonly events: readonly NumberedEvent[];
  readonly outbox: readonly OutboxRow[];
  readonly children: readonly PendingChild[];
  /** Ids of outbox rows that are done with once this is written. */
  readonly consumed: readonly string[];
}

/** A child on its way into the database. */
export interface PendingChild {
  readonly start: NewChild['start'];
  readonly run: OutboxRow;
  /** The cancel of the child, where that comes with the child's start. */
  readonly caught: Write | null;
}

/** The changes of one execution in one batch, one on top of the other. */
export class PendingWrite<Row extends ExecutionRow> implements Write<Row> {
  readonly events: NumberedEvent[] = [];
  readonly outbox: OutboxRow[] = [];
  readonly children: PendingChild[] = [];
  readonly consumed: string[] = [];
  #row: Row;
  #result: Result | undefined;
  #changed = false;

  constructor(row: Row) {
    this.#row = row;
  }

  /** The row as the changes so far leave it. */
  get row(): Row {
    return this.#row;
  }

  get result(): Result | undefined {
    return this.#result;
  }

  get changed(): boolean {
    return this.#changed;
  }

  add(change: Change<Row>): void {
    let seq = change.row.lastEventSeq;
    for (const event of change.events) {
      seq += 1;
      this.events.push({ ...event, seq });
    }
    for (const message of change.outbox) this.outbox.push(withId(message));
    this.outbox.push(...familyMessages(this.#row, change.row).map(withId));
    for (const child of change.children ?? []) this.children.push(pendingChild(child));
    this.consumed.push(...(change.consumes ?? []));
    this.#row = { ...change.row, lastEventSeq: seq };
    this.#result = change.result ?? this.#result;
    this.#changed = true;
  }
}

function pendingChild({ start, caught }: NewChild): PendingChild {
  const { record } = start;
  const cancel = caught && new PendingWrite<ExecutionRow>(record);
  if (caught) cancel?.add(caught);
  return { start, run: withId(runMessage(record)), caught: cancel };
}

/** Time-ordered, so that the sweep publishes in the order of writing. */
export function withId<M extends OutboxMessage>(message: M): M & { readonly id: string } {
  return { ...message, id: uuid() };
}

/** The event with the value of the earlier one that it names; any other as it is. */
export function withValue(event: NumberedEvent, value: unknown): NumberedEvent {
  if (event.valueFrom === undefined || event.type !== 'execution_resumed') return event;
  const { valueFrom: _, ...rest } = event;
  return { ...rest, data: { ...rest.data, value } };
}
