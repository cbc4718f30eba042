import type { ExecutionRow } from './execution-row.js';

const MOST_ROWS = 2_000;

/**
 * Executions as this process last wrote them, those that were written longest ago forgotten first. They may have moved
 * on since; a write says so, for it names the version that it was decided on.
 */
export class RowMemory<Row extends ExecutionRow = ExecutionRow> {
  readonly #rows = new Map<string, Row>();

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** Keeps a row whose `version` is the one it was decided on, as its write has left it. */
  keepWritten(row: Row): void {
    this.#rows.delete(row.id);
    // Nobody reports about what has no owner.
    if (row.workerId === null) return;
    this.#rows.set(row.id, { ...row, version: row.version + 1 });
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MOST_ROWS && oldest !== undefined) this.#rows.delete(oldest);
  }

  forget(id: string): void {
    this.#rows.delete(id);
  }
}
