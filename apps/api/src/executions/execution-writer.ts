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
}

/** A plan whose items come so often that most find their row as this process left it. */
export interface RememberingPlan<Item, Reply> extends Plan<Item, ExecutionRow, Reply> {
  readonly memory: RowMemory;
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
   * each other's changes.
   */
  async apply<Item, Row extends ExecutionRow, Reply>(
    plan: Plan<Item, Row, Reply>,
    items: readonly Item[],
  ): Promise<Reply[]> {
    const replies = new Array<Reply>(items.length);
    await this.#settle(plan, pendingOf(plan, items), replies);
    return replies;
  }

  /**
   * As {@link apply}, with one round trip where the rows are remembered. Only what is written counts of a decision on a
   * remembered row, since only a write finds out that the row has moved on: an item that it does not change is
   * decided again on the row as it is.
   */
  async applyRemembering<Item, Reply>(
    plan: RememberingPlan<Item, Reply>,
    items: readonly Item[],
  ): Promise<Reply[]> {
    const { memory } = plan;
    const replies = new Array<Reply>(items.length);
    const pending = pendingOf(plan, items);
    const drafts = new Map<string, Draft<ExecutionRow>>();
    for (const { id } of pending) {
      const row = memory.get(id);
      if (row) drafts.set(id, new Draft(row));
    }
    const unchanged = this.#decide(
      plan,
      pending.filter(({ id }) => drafts.has(id)),
      drafts,
      replies,
    );
    for (const id of unchanged) drafts.delete(id);
    const conflicts = await this.#write([...drafts.values()], memory);
    const rest = pending.filter(({ id }) => !drafts.has(id) || conflicts.has(id));
    for (const { id } of rest) memory.forget(id);
    await this.#settle(plan, rest, replies, memory);
    return replies;
  }

  async #settle<Item, Row extends ExecutionRow, Reply>(
    plan: Plan<Item, Row, Reply>,
    items: readonly Pending<Item>[],
    replies: Reply[],
    memory?: RowMemory,
  ): Promise<void> {
    let pending = items;
    while (pending.length > 0) {
      const rows = await plan.read([...new Set(pending.map(({ id }) => id))]);
      const drafts = new Map(rows.map((row) => [row.id, new Draft<Row>(row)]));
      this.#decide(plan, pending, drafts, replies);
      const conflicts = await this.#write(
        [...drafts.values()].filter((draft) => draft.changed),
        memory,
      );
      pending = pending.filter(({ id }) => conflicts.has(id));
    }
  }

  /** Returns the ids of which an item changed nothing. */
  #decide<Item, Row extends ExecutionRow, Reply>(
    plan: Plan<Item, Row, Reply>,
    pending: readonly Pending<Item>[],
    drafts: ReadonlyMap<string, Draft<Row>>,
    replies: Reply[],
  ): Set<string> {
    const unchanged = new Set<string>();
    const now = Date.now();
    for (const { item, index, id } of pending) {
      const draft = drafts.get(id);
      const step = plan.decide(draft?.row, item, now);
      if (step.change) draft?.add(step.change);
      else unchanged.add(id);
      replies[index] = step.reply;
    }
    return unchanged;
  }

  /** Writes and tells of it; resolves with the ids that another write came between. */
  async #write(drafts: readonly Draft<ExecutionRow>[], memory?: RowMemory): Promise<Set<string>> {
    if (drafts.length === 0) return new Set();
    const written = await this.#store.write(drafts);
    const [done, conflicts] = [[] as Draft<ExecutionRow>[], new Set<string>()];
    for (const draft of drafts) {
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

function pendingOf<Item>(plan: { executionId(item: Item): string }, items: readonly Item[]): Pending<Item>[] {
  return items.map((item, index) => ({ item, index, id: plan.executionId(item) }));
}

function bornOf({ start, run, caught }: ChildDraft): Committed {
  return { row: caught?.row ?? start.record, outbox: [run, ...(caught?.outbox ?? [])], isNew: true };
}
