import type { WorkerWish } from '@flux/contracts';
import type { WorkerStore } from '../store/ports.js';

/** How long an answer from the database is trusted. A worker lost meanwhile is found by the orphan check. */
const TRUST_MS = 1_000;

/**
 * Whether a worker is registered and neither lost nor stopped, and what it was asked by hand, without asking the
 * database for each claim.
 */
export class LiveWorkers {
  readonly #store: WorkerStore;
  readonly #checkedAt = new Map<string, number>();

  constructor(store: WorkerStore) {
    this.#store = store;
  }

  /** The kind of the wish for a live worker, `undefined` for any other. Only that it takes everything is remembered. */
  async wishFor(workerId: string): Promise<WorkerWish['kind'] | undefined> {
    const now = Date.now();
    if (now - (this.#checkedAt.get(workerId) ?? 0) < TRUST_MS) return null;
    const wish = await this.#store.readWish(workerId);
    if (wish?.kind === null) this.#checkedAt.set(workerId, now);
    else this.#checkedAt.delete(workerId);
    return wish?.kind;
  }

  forget(workerId: string): void {
    this.#checkedAt.delete(workerId);
  }
}
