import type { ExecutionRow } from '../lifecycle/execution.js';
import type { BegunTask } from '../lifecycle/hand-back.js';
import type { HistoryStore } from '../store/ports.js';

/** The tasks without an end on record, of executions whose owner may be losing them. */
export class BegunTasks {
  readonly #histories: Pick<HistoryStore, 'readBegun'>;
  /** By the row that was read before: a write that came between has another row read. */
  readonly #found = new WeakMap<ExecutionRow, readonly BegunTask[]>();

  constructor(histories: Pick<HistoryStore, 'readBegun'>) {
    this.#histories = histories;
  }

  async look(rows: readonly ExecutionRow[]): Promise<void> {
    if (rows.length === 0) return;
    const found = await this.#histories.readBegun(
      rows.map(({ id, attempt }) => ({ executionId: id, attempt })),
    );
    for (const row of rows) this.#found.set(row, found.get(row.id) ?? []);
  }

  of(row: ExecutionRow | undefined): readonly BegunTask[] {
    return (row && this.#found.get(row)) ?? [];
  }
}
