import type { Change } from '../lifecycle/change.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { PendingWrite } from '../store/pending-write.js';

/** The decision about one item: perhaps a change, and the answer if that change is written. */
export interface Decision<Row extends ExecutionRow, Reply> {
  readonly change: Change<Row> | null;
  readonly reply: Reply;
}

/** Decides what an item does to a row, as the items before this one leave the row. */
export type Decide<Item, Row extends ExecutionRow, Reply> = (
  row: Row | undefined,
  item: Item,
) => Decision<Row, Reply>;

/** The replies to the items of one execution, which count once `write` is written. */
export interface Decided<Row extends ExecutionRow, Reply> {
  /** Absent where nothing is to be written. */
  readonly write: PendingWrite<Row> | undefined;
  readonly replies: readonly Reply[];
}

/** Nothing can be said of the items before the row is read. */
export const needsFreshRow: unique symbol = Symbol('needs a fresh row');

/** A row as it was read just now; `undefined` where there is none. Any decision on it counts. */
export class Known<Row extends ExecutionRow> {
  constructor(readonly row: Row | undefined) {}

  decide<Item, Reply>(items: readonly Item[], decide: Decide<Item, Row, Reply>): Decided<Row, Reply> {
    const pending = this.row && new PendingWrite(this.row);
    const replies = items.map((item) => {
      const { change, reply } = decide(pending?.row, item);
      if (change) pending?.add(change);
      return reply;
    });
    return { write: pending?.changed ? pending : undefined, replies };
  }
}

/**
 * A row as this process has written it last. The row may have moved on since. Only a write finds that out, by the
 * version that it was decided on: so there is no reply to an item that changes nothing.
 */
export class Remembered<Row extends ExecutionRow> {
  constructor(readonly row: Row) {}

  decide<Item, Reply>(
    items: readonly Item[],
    decide: Decide<Item, Row, Reply>,
  ): Decided<Row, Reply> | typeof needsFreshRow {
    const write = new PendingWrite(this.row);
    const replies: Reply[] = [];
    for (const item of items) {
      const { change, reply } = decide(write.row, item);
      if (!change) return needsFreshRow;
      write.add(change);
      replies.push(reply);
    }
    return { write, replies };
  }
}
