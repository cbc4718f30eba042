import { v7 as uuid } from 'uuid';
import type { OutboxMessage, OutboxRow } from '../dispatch/outbox.js';
import type { Change, ExecutionRow, NewEvent, Result } from './execution-row.js';

export type NumberedEvent = NewEvent & { readonly seq: number };

/** The changes of one execution in one batch, one on top of the other. */
export class Draft<Row extends ExecutionRow> {
  readonly events: NumberedEvent[] = [];
  readonly outbox: OutboxRow[] = [];
  #row: Row | undefined;
  #result: Result | undefined;
  #changed = false;

  constructor(row: Row | undefined) {
    this.#row = row;
  }

  /** As the changes so far leave it; `undefined` when there is no such execution. */
  get row(): Row | undefined {
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
    this.#row = { ...change.row, lastEventSeq: seq };
    this.#result = change.result ?? this.#result;
    this.#changed = true;
  }
}

/** Time-ordered, so that the sweep publishes in the order of writing. */
export function withId(message: OutboxMessage): OutboxRow {
  return { ...message, id: uuid() };
}
