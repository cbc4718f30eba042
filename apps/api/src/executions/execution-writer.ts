import type { ExecutionRow } from '../lifecycle/execution.js';
import type { PendingChild, PendingWrite } from '../store/pending-write.js';
import type { ExecutionStore } from '../store/ports.js';
import type { Announcer, Committed } from './announcer.js';
import type { LastWritten } from './last-written.js';
import { Known, needsFreshRow, type Decision, type Remembered } from './seen-row.js';

/** How a kind of item is applied. */
export interface RowChange<Item, Row extends ExecutionRow, Reply> {
  readonly executionId: (item: Item) => string;
  readonly read: (ids: readonly string[]) => Promise<Row[]>;
  /** Decides about an item. The function is pure, since a write that came between has it called again. */
  readonly decide: (row: Row | undefined, item: Item, now: number) => Decision<Row, Reply>;
  /** The rows as this process left them, for items so frequent that most find their row unchanged. */
  readonly lastWritten?: LastWritten<Row>;
}

interface Numbered<Item> {
  readonly item: Item;
  readonly index: number;
}

/** Items by the id of their execution, in their order. */
type ByExecution<Item> = ReadonlyMap<string, readonly Numbered<Item>[]>;

/**
 * The one way in which an execution that exists is changed: read, decide (pure), write where no other write came
 * between, else again. A batch of any size takes two round trips, and no lock is held between them.
 */
export class ExecutionWriter {
  readonly #store: ExecutionStore;
  readonly #announcer: Announcer;

  constructor(store: ExecutionStore, announcer: Announcer) {
    this.#store = store;
    this.#announcer = announcer;
  }

  /**
   * Applies `items` in order and answers each at its index, once everything is durable. Items of one execution see
   * each other's changes.
   */
  async apply<Item, Row extends ExecutionRow, Reply>(
    plan: RowChange<Item, Row, Reply>,
    items: readonly Item[],
  ): Promise<Reply[]> {
    const replies = new Array<Reply>(items.length);
    let open = byExecution(plan, items);
    while (open.size > 0) open = await this.#turn(plan, open, replies);
    return replies;
  }

  /** Decides and writes once; resolves with the items that are to be decided again, on their rows as they are then. */
  async #turn<Item, Row extends ExecutionRow, Reply>(
    plan: RowChange<Item, Row, Reply>,
    items: ByExecution<Item>,
    replies: Reply[],
  ): Promise<ByExecution<Item>> {
    const seen = await this.#see(plan, [...items.keys()]);
    const now = this.#store.now();
    const writes: PendingWrite<Row>[] = [];
    const again = new Set<string>();
    for (const [id, own] of items) {
      const row = seen.get(id) ?? new Known<Row>(undefined);
      const decided = row.decide(own, (each: Row | undefined, { item }) => plan.decide(each, item, now));
      if (decided === needsFreshRow) {
        again.add(id);
        continue;
      }
      own.forEach(({ index }, nth) => (replies[index] = decided.replies[nth] as Reply));
      if (decided.write) writes.push(decided.write);
    }
    for (const id of await this.#write(writes, plan.lastWritten)) again.add(id);
    for (const id of again) plan.lastWritten?.forget(id);
    return new Map([...items].filter(([id]) => again.has(id)));
  }

  /** The executions as they are remembered, or else as they are now; an execution that does not exist is left out. */
  async #see<Row extends ExecutionRow>(
    { lastWritten, read }: Pick<RowChange<never, Row, unknown>, 'lastWritten' | 'read'>,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Known<Row> | Remembered<Row>>> {
    const seen = new Map<string, Known<Row> | Remembered<Row>>();
    for (const id of ids) {
      const remembered = lastWritten?.get(id);
      if (remembered) seen.set(id, remembered);
    }
    const unknown = ids.filter((id) => !seen.has(id));
    const rows = unknown.length > 0 ? await read(unknown) : [];
    for (const row of rows) seen.set(row.id, new Known(row));
    return seen;
  }

  /** Writes changes and tells of them; resolves with the ids that another write came between. */
  async #write<Row extends ExecutionRow>(
    writes: readonly PendingWrite<Row>[],
    lastWritten: LastWritten<Row> | undefined,
  ): Promise<string[]> {
    if (writes.length === 0) return [];
    const written = await this.#store.write(writes);
    const done = writes.filter(({ row }) => written.has(row.id));
    for (const { row } of done) lastWritten?.keepWritten(row);
    this.#announcer.announce(done.flatMap((write) => [write, ...write.children.map(bornOf)]));
    return writes.flatMap(({ row }) => (written.has(row.id) ? [] : [row.id]));
  }
}

function byExecution<Item>(
  { executionId }: { readonly executionId: (item: Item) => string },
  items: readonly Item[],
): ByExecution<Item> {
  const groups = new Map<string, Numbered<Item>[]>();
  for (const [index, item] of items.entries()) {
    const id = executionId(item);
    const group = groups.get(id);
    if (group) group.push({ item, index });
    else groups.set(id, [{ item, index }]);
  }
  return groups;
}

function bornOf({ start, run, caught }: PendingChild): Committed {
  return { row: caught?.row ?? start.record, outbox: [run, ...(caught?.outbox ?? [])], isNew: true };
}
