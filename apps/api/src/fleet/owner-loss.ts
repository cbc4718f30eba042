import { HAND_OVER_AFTER_MS } from '@flux/domain';
import type { Logger } from 'pino';
import type { Database } from '../database/database.js';
import type { ExecutionRow } from '../executions/execution-row.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { ExecutionWriter, Plan } from '../executions/execution-writer.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import { decideLoss, type Orphan } from './decide-loss.js';
import type { LiveWorkers } from './live-workers.js';
import { END_WORKERS, EXPIRED_WORKERS, FORGET_VERSIONS, FORGET_WORKERS, READ_ORPHANS } from './sql.js';

const BATCH = 200;
/** How long the last checkpoints of a worker that stopped may take to be applied. */
const STOPPED_MARGIN_MS = 2_000;
const FORGET_AFTER_MS = 24 * 3_600_000;

/** Ends workers that are gone and gives their executions to others. Any replica may do it, or several at once. */
export class OwnerLoss {
  readonly #database: Database;
  readonly #writer: ExecutionWriter;
  readonly #workers: LiveWorkers;
  readonly #metrics: CoreMetrics;
  readonly #logger: Logger;
  readonly #plan: Plan<Orphan, ExecutionRow, boolean>;
  /** Of workers found lost by this replica; any other finds them at its next look. */
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #handOvers = new Set<Promise<void>>();

  constructor(
    database: Database,
    store: ExecutionStore,
    writer: ExecutionWriter,
    workers: LiveWorkers,
    metrics: CoreMetrics,
    logger: Logger,
  ) {
    this.#database = database;
    this.#writer = writer;
    this.#workers = workers;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#plan = {
      executionId: (orphan) => orphan.executionId,
      read: (ids) => store.readRows(ids),
      decide: (row, orphan, now) => {
        const change = decideLoss(row, orphan, now);
        return { change, reply: change !== null };
      },
    };
  }

  /**
   * Marks workers lost, unless they have ended already; their executions are taken back a moment later. A worker that is
   * cut off and lives looks as a dead one does, so it gets the time to stop by itself.
   */
  async lose(workerIds: readonly string[], reason: string): Promise<void> {
    if (workerIds.length === 0) return;
    const lost = await this.#end(workerIds, 'lost');
    for (const workerId of lost) this.#logger.warn({ workerId, reason }, 'a worker is lost');
    this.#metrics.workersLost.inc(lost.length);
    if (lost.length > 0) this.#handOverSoon();
  }

  /** Resolves when no hand-over is under way; those that are not due yet are left to other replicas. */
  async idle(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#handOvers);
  }

  /** Marks a worker stopped; what it still owns is taken back a moment later. */
  async stop(workerId: string): Promise<void> {
    await this.#end([workerId], 'stopped');
  }

  /** Loses the workers that let their lease run out. */
  async loseExpired(): Promise<void> {
    const rows = await this.#database.query<{ id: string }>(EXPIRED_WORKERS, []);
    await this.lose(
      rows.map((row) => row.id),
      'its lease ran out',
    );
  }

  /** Takes back whatever a worker owns that is lost or stopped for long enough. */
  async reclaim(): Promise<void> {
    for (let found = BATCH; found === BATCH;) {
      const parameters = [HAND_OVER_AFTER_MS, STOPPED_MARGIN_MS, BATCH];
      const orphans = await this.#database.query<Orphan>(READ_ORPHANS, parameters);
      found = orphans.length;
      await this.takeBack(orphans);
    }
  }

  /** Takes these executions back; one that its worker owns no more is left alone. */
  async takeBack(orphans: readonly Orphan[]): Promise<void> {
    if (orphans.length > 0) await this.#writer.apply(this.#plan, orphans);
  }

  /** Removes the rows of workers that are long gone, and then of versions that only they had. */
  async forgetOld(): Promise<void> {
    await this.#database.query(FORGET_WORKERS, [
      new Date(this.#database.now() - FORGET_AFTER_MS).toISOString(),
    ]);
    await this.#database.query(FORGET_VERSIONS, []);
  }

  async #end(workerIds: readonly string[], state: 'lost' | 'stopped'): Promise<string[]> {
    for (const workerId of workerIds) this.#workers.forget(workerId);
    const rows = await this.#database.query<{ id: string }>(END_WORKERS, [workerIds, state]);
    return rows.map((row) => row.id);
  }

  #handOverSoon(): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const handOver = this.reclaim()
        .catch((error: unknown) =>
          this.#logger.warn({ err: error }, 'what a lost worker held is handed over later'),
        )
        .finally(() => this.#handOvers.delete(handOver));
      this.#handOvers.add(handOver);
    }, HAND_OVER_AFTER_MS);
    this.#timers.add(timer);
  }
}
