import { v7 as uuid } from 'uuid';
import { runMessage, type OutboxMessage, type OutboxRow } from '../dispatch/outbox.js';
import { familyMessages, type NewChild } from './children/family.js';
import type { Change, ExecutionRow, NewEvent, Result } from './execution-row.js';

export type NumberedEvent = NewEvent & { readonly seq: number };

/** A child on its way into the database. */
export interface ChildDraft {
  readonly start: NewChild['start'];
  readonly run: OutboxRow;
  /** Its cancel, where that comes with its start. */
  readonly caught: Draft<ExecutionRow> | null;
}

/** The changes of one execution in one batch, one on top of the other. */
export class Draft<Row extends ExecutionRow> {
  readonly events: NumberedEvent[] = [];
  readonly outbox: OutboxRow[] = [];
  readonly children: ChildDraft[] = [];
  /** Ids of outbox rows that are done with once this is written. */
  readonly consumed: string[] = [];
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
    if (this.#row) this.outbox.push(...familyMessages(this.#row, change.row).map(withId));
    for (const child of change.children ?? []) this.children.push(draftOf(child));
    this.consumed.push(...(change.consumes ?? []));
    this.#row = { ...change.row, lastEventSeq: seq };
    this.#result = change.result ?? this.#result;
    this.#changed = true;
  }
}

function draftOf({ start, caught }: NewChild): ChildDraft {
  const { record } = start;
  const draft = caught && new Draft<ExecutionRow>(record);
  if (caught) draft?.add(caught);
  return { start, run: withId(runMessage(record)), caught: draft };
}

/** Time-ordered, so that the sweep publishes in the order of writing. */
export function withId<M extends OutboxMessage>(message: M): M & { readonly id: string } {
  return { ...message, id: uuid() };
}
