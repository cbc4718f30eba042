import type { Commits, Committed } from './commits.js';
import { Draft, type ChildDraft } from './draft.js';
import type { Change, ExecutionRow } from './execution-row.js';
import type { ExecutionStore } from './execution-store.js';
import type { RowMemory } from './row-memory.js';

/** What was decided about one item: perhaps a change, and the answer if that change is written. */
export interface Step<Row extends ExecutionRow, Reply> {
  readonly change: Change<Row> | null;
  readonly reply: Reply;
}

/** How a kind of item is applied. */
export interface Plan<Item, Row extends ExecutionRow, Reply> {
  readonly executionId: (item: Item) => string;
  readonly read: (ids: readonly string[]) => Promise<Row[]>;
  /** Pure, since it is asked again when another write came between. */
  readonly decide: (row: Row | undefined, item: Item, now: number) => Step<Row, Reply>;
  /** For items that come so often that most find their row as this process left it. */
  readonly memory?: RowMemory<Row>;
}

interface Pending<Item> {
  readonly item: Item;
  readonly index: number;
  readonly id: string;
}

/**
 * The one way in which an execution that exists is changed: read, decide (pure), write where nothing came between,
 * else again. Two round trips for a batch of any size, and no lock is held between them.
 */
export class ExecutionWriter {
  readonly #store: ExecutionStore;
  readonly #commits: Commits;

  constructor(store: ExecutionStore, commits: Commits) {
    this.#store = store;
    this.#commits = commits;
  }

  /**
   * Applies `items` in order and answers each at its index, once everything is durable. Items of one execution see
   * each other's changes. Of a decision on a remembered row only what is written counts, since only a write finds out
   * that the row has moved on: an item that it does not change is decided again on the row as it is.
   */
  async apply<Item, Row extends ExecutionRow, Reply>(
    plan: Plan<Item, Row, Reply>,
    items: readonly Item[],
  ): Promise<Reply[]> {
    const replies = new Array<Reply>(items.length);
    let pending = items.map((item, index): Pending<Item> => ({ item, index, id: plan.executionId(item) }));
    while (pending.length > 0) {
      const { drafts, remembered } = await this.#draft(plan, pending);
      const unchanged = this.#decide(plan, pending, drafts, replies);
      const unsure = new Set([...unchanged].filter((id) => remembered.has(id)));
      for (const id of unsure) drafts.delete(id);
      const conflicts = await this.#write([...drafts.values()], plan.memory);
      pending = pending.filter(({ id }) => unsure.has(id) || conflicts.has(id));
      for (const { id } of pending) plan.memory?.forget(id);
    }
    return replies;
  }

  /** A draft of each execution there is, on what is remembered of it or else on what is read now. */
  async #draft<Item, Row extends ExecutionRow>(
    { memory, read }: Pick<Plan<Item, Row, unknown>, 'memory' | 'read'>,
    pending: readonly Pending<Item>[],
  ): Promise<{ drafts: Map<string, Draft<Row>>; remembered: ReadonlySet<string> }> {
    const drafts = new Map<string, Draft<Row>>();
    const unknown = new Set<string>();
    for (const { id } of pending) {
      const row = memory?.get(id);
      if (!row) unknown.add(id);
      else if (!drafts.has(id)) drafts.set(id, new Draft(row));
    }
    const remembered = new Set(drafts.keys());
    const rows = unknown.size > 0 ? await read([...unknown]) : [];
    for (const row of rows) drafts.set(row.id, new Draft(row));
    return { drafts, remembered };
  }

  /** Returns the ids of which an item changed nothing. */
  #decide<Item, Row extends ExecutionRow, Reply>(
    plan: Plan<Item, Row, Reply>,
    pending: readonly Pending<Item>[],
    drafts: ReadonlyMap<string, Draft<Row>>,
    replies: Reply[],
  ): ReadonlySet<string> {
    const unchanged = new Set<string>();
    const now = this.#store.now();
    for (const { item, index, id } of pending) {
      const draft = drafts.get(id);
      const step = plan.decide(draft?.row, item, now);
      if (step.change) draft?.add(step.change);
      else unchanged.add(id);
      replies[index] = step.reply;
    }
    return unchanged;
  }

  /** Writes what has changed and tells of it; resolves with the ids that another write came between. */
  async #write<Row extends ExecutionRow>(
    drafts: readonly Draft<Row>[],
    memory: RowMemory<Row> | undefined,
  ): Promise<ReadonlySet<string>> {
    const changed = drafts.filter((draft) => draft.changed);
    if (changed.length === 0) return new Set();
    const written = await this.#store.write(changed);
    const [done, conflicts] = [[] as Draft<Row>[], new Set<string>()];
    for (const draft of changed) {
      if (!draft.row) continue;
      if (written.has(draft.row.id)) {
        done.push(draft);
        memory?.keepWritten(draft.row);
      } else conflicts.add(draft.row.id);
    }
    this.#commits.announce(done.flatMap((draft) => [draft, ...draft.children.map(bornOf)]));
    return conflicts;
  }
}

function bornOf({ start, run, caught }: ChildDraft): Committed {
  return { row: caught?.row ?? start.record, outbox: [run, ...(caught?.outbox ?? [])], isNew: true };
}
