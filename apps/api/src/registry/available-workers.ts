import type { MessageBody } from '@flux/contracts';
import type { AvailableWorker, WorkerStore } from '../store/ports.js';

/** How long an answer from the database is trusted. */
const TRUST_MS = 250;
/** The intervals between heartbeats after which a silent worker no longer counts as one that answers. */
const MOST_INTERVALS = 1.5;

/** The workers that take executions and have answered lately. */
export class AvailableWorkers {
  readonly #store: WorkerStore;
  readonly #heardWithinMs: number;
  #workers: Promise<readonly AvailableWorker[]> = Promise.resolve([]);
  #readAt = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(store: WorkerStore, heartbeatMs: number) {
    this.#store = store;
    this.#heardWithinMs = heartbeatMs * MOST_INTERVALS;
  }

  /**
   * The workers to offer the execution to: one that can take it, each in its turn. Where all that can are paused, what is
   * part of a cleanup is offered to each of them, since only the one that runs the cleanup takes it.
   */
  async takersOf({ workflowName, version, cleanup }: MessageBody<'run'>): Promise<readonly string[]> {
    const mayTake = ({ workflows, versions }: AvailableWorker): boolean =>
      workflows.some(
        (each, index) =>
          each === workflowName && (version === undefined || versions[index] === (version ?? '')),
      );
    const able = (await this.#read()).filter(mayTake);
    const free = able.filter(({ isPaused }) => !isPaused);
    const ids = (free.length > 0 ? free : cleanup ? able : []).map(({ workerId }) => workerId);
    if (free.length === 0) return ids;
    this.#turn += 1;
    return [ids[this.#turn % ids.length] ?? ''];
  }

  #read(): Promise<readonly AvailableWorker[]> {
    const now = performance.now();
    if (now - this.#readAt < TRUST_MS) return this.#workers;
    this.#readAt = now;
    this.#workers = this.#store.readAvailable(this.#heardWithinMs);
    this.#workers.catch(() => (this.#readAt = Number.NEGATIVE_INFINITY));
    return this.#workers;
  }
}
