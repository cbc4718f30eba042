import type { ExecutionRow } from '../lifecycle/execution.js';
import { Remembered } from './seen-row.js';

const MOST_ROWS = 2_000;

/** Executions as this process last wrote them, those that were written longest ago forgotten first. */
export class LastWritten<Row extends ExecutionRow = ExecutionRow> {
  readonly #rows = new Map<string, Row>();

  get(id: string): Remembered<Row> | undefined {
    const row = this.#rows.get(id);
    return row && new Remembered(row);
  }

  /** Keeps a row whose `version` is the one it was decided on, as its write has left it. */
  keepWritten(row: Row): void {
    this.#rows.delete(row.id);
    // An execution without an owner gets no reports.
    if (row.workerId === null) return;
    this.#rows.set(row.id, { ...row, version: row.version + 1 });
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MOST_ROWS && oldest !== undefined) this.#rows.delete(oldest);
  }

  forget(id: string): void {
    this.#rows.delete(id);
  }
}
