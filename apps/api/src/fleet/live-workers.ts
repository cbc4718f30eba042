import type { Database, Statement } from '../database/database.js';

/** How long an answer from the database is trusted. A worker lost meanwhile is found by the orphan check. */
const TRUST_MS = 1_000;

/** $1 worker id */
const IS_LIVE: Statement = {
  name: 'is_live_worker',
  text: `SELECT 1 FROM workers WHERE id = $1 AND state IN ('running', 'draining')`,
};

/** Whether a worker is registered and neither lost nor stopped, without asking the database for each claim. */
export class LiveWorkers {
  readonly #database: Database;
  readonly #checkedAt = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Only a yes is remembered. */
  async isLive(workerId: string): Promise<boolean> {
    const now = Date.now();
    if (now - (this.#checkedAt.get(workerId) ?? 0) < TRUST_MS) return true;
    const live = (await this.#database.query(IS_LIVE, [workerId])).length > 0;
    if (live) this.#checkedAt.set(workerId, now);
    else this.#checkedAt.delete(workerId);
    return live;
  }

  forget(workerId: string): void {
    this.#checkedAt.delete(workerId);
  }
}
