import type { Commits, Committed } from './commits.js';
import { Draft, type ChildDraft } from './draft.js';
import type { Change, ExecutionRow } from './execution-row.js';
import type { ExecutionStore } from './execution-store.js';

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
    let pending = items.map((item, index) => ({ item, index, id: plan.executionId(item) }));
    while (pending.length > 0) {
      const rows = await plan.read([...new Set(pending.map(({ id }) => id))]);
      const drafts = new Map(rows.map((row) => [row.id, new Draft<Row>(row)]));
      const now = Date.now();
      for (const { item, index, id } of pending) {
        const draft = drafts.get(id);
        const step = plan.decide(draft?.row, item, now);
        if (step.change) draft?.add(step.change);
        replies[index] = step.reply;
      }
      const conflicts = await this.#write([...drafts.values()].filter((draft) => draft.changed));
      pending = pending.filter(({ id }) => conflicts.has(id));
    }
    return replies;
  }

  /** Writes and tells of it; resolves with the ids that another write came between. */
  async #write(drafts: readonly Draft<ExecutionRow>[]): Promise<Set<string>> {
    if (drafts.length === 0) return new Set();
    const written = await this.#store.write(drafts);
    const [done, conflicts] = [[] as Draft<ExecutionRow>[], new Set<string>()];
    for (const draft of drafts) {
      if (!draft.row) continue;
      if (written.has(draft.row.id)) done.push(draft);
      else conflicts.add(draft.row.id);
    }
    this.#commits.announce(done.flatMap((draft) => [draft, ...draft.children.map(bornOf)]));
    return conflicts;
  }
}

function bornOf({ start, run, caught }: ChildDraft): Committed {
  return { row: caught?.row ?? start.record, outbox: [run, ...(caught?.outbox ?? [])], isNew: true };
}
