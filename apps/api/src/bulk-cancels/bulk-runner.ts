import type { Logger } from 'pino';
import type { Announcer } from '../executions/announcer.js';
import type { ExecutionStore } from '../store/ports.js';
import type { ExecutionWriter, RowChange } from '../executions/execution-writer.js';
import { decideUndo, type UndoWish } from '../lifecycle/undo-cancel.js';
import type { CancelLimits, ExecutionRow } from '../lifecycle/execution.js';
import { clauseFor, reachesChildren } from './bulk-clause.js';
import type { BulkRow } from './bulk-row.js';
import type { BulkStore, Chunk, WaitingItem } from './bulk-store.js';
import { decideItem, type ItemDecision } from './decide-item.js';

/** How often each replica looks for work. */
export const BULK_INTERVAL_MS = 250;
/**
 * The most executions that a replica takes at once, and so the most that may be asked yet after a stop, or again
 * after a crash.
 */
const CHUNK = 1_000;
/** The number of those that the ordinary path writes together. */
const BATCH = 250;
/**
 * The lease of a chunk: another replica goes on with it after a crash. A replica that is merely slow changes nothing
 * twice.
 */
const CHUNK_LEASE_MS = 5_000;
const SETTLE_BATCH = 2_000;
const SETTLE_TURNS = 5;
const FORGET_AFTER_MS = 30 * 24 * 3_600_000;

export interface BulkRunnerParts {
  readonly store: BulkStore;
  readonly executions: ExecutionStore;
  readonly writer: ExecutionWriter;
  readonly announcer: Announcer;
  readonly limits: CancelLimits;
  readonly logger: Logger;
}

/**
 * Works on bulk cancels, chunk by chunk, beside the other replicas. Whatever it has done is in the database: a job
 * outlives every replica.
 */
export class BulkRunner {
  readonly #parts: BulkRunnerParts;
  /** The position at which settling goes on, by job. */
  readonly #settled = new Map<string, number>();
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: BulkRunnerParts) {
    this.#parts = parts;
  }

  /** Does what there is to do now. Never two turns at once. */
  turn(): Promise<void> {
    return (this.#running ??= this.#work().finally(() => (this.#running = undefined)));
  }

  /** Begins with a job that has just been made. */
  wake(): void {
    this.turn().catch((error: unknown) =>
      this.#parts.logger.debug({ err: error }, 'a bulk cancel waits for its next turn'),
    );
  }

  /** Resolves when the chunk under way is done; there is no other. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running?.catch(() => undefined);
  }

  /** Removes jobs that are long over, and what events no longer concern. */
  async forgetOld(): Promise<void> {
    await this.#parts.store.forgetKeys();
    while (!this.#stopping && (await this.#parts.store.forget(FORGET_AFTER_MS)));
  }

  /** A chunk of each job in turn, so that a small one need not wait for a large one. */
  async #work(): Promise<void> {
    for (let busy = true; busy && !this.#stopping;) {
      busy = false;
      const jobs = await this.#parts.store.openJobs();
      for (const id of this.#settled.keys()) {
        if (!jobs.some((job) => job.id === id)) this.#settled.delete(id);
      }
      for (const job of jobs) busy = (await this.#advance(job)) || busy;
    }
  }

  /** True when there was a chunk to work on. */
  async #advance(job: BulkRow): Promise<boolean> {
    if (this.#stopping) return false;
    const { ratePerSecond: rate } = job;
    const size = rate === null ? CHUNK : Math.min(CHUNK, Math.max(1, Math.floor(rate / 4)));
    const chunk = await this.#parts.store.takeChunk(job.id, size, CHUNK_LEASE_MS);
    if (chunk) await this.#run(job, chunk);
    if (job.undo) await this.#undo(job, job.undo);
    await this.#settle(job.id);
    if (job.filter && reachesChildren(job.filter))
      await this.#parts.store.extend(job.id, clauseFor(job.filter, 2));
    await this.#parts.store.finish(job.id);
    return chunk !== undefined;
  }

  async #run(job: BulkRow, chunk: Chunk): Promise<void> {
    const now = this.#parts.executions.now();
    const { gracePeriodMs } = this.#parts.limits;
    const cancelled = await this.#parts.store.cancelScheduled(job.id, chunk, gracePeriodMs, now);
    this.#parts.announcer.announce(cancelled.map((row) => ({ row, outbox: [] })));
    const waiting = await this.#parts.store.waiting(job.id, chunk);
    for (let start = 0; start < waiting.length; start += BATCH) {
      // Stopped meanwhile: what has not been asked is not asked.
      const present = await this.#parts.store.read(job.id);
      if (present) await this.#ask(present, waiting.slice(start, start + BATCH));
    }
    await this.#parts.store.endChunk(job.id, chunk);
  }

  async #ask(job: BulkRow, items: readonly WaitingItem[]): Promise<void> {
    const plan: RowChange<WaitingItem, ExecutionRow, ItemDecision['outcome']> = {
      executionId: (item) => item.executionId,
      read: (ids) => this.#parts.executions.readRows(ids),
      decide: (row, _item, now) => {
        const { change, outcome } = decideItem(row, job, this.#parts.limits, now);
        return { change, reply: outcome };
      },
    };
    const outcomes = await this.#parts.writer.apply(plan, items);
    const marks = items.map(({ position }, index) => [position, outcomes[index] ?? 'waiting'] as const);
    await this.#parts.store.mark(
      job.id,
      'waiting',
      marks.filter(([, outcome]) => outcome !== 'waiting'),
    );
  }

  /** Takes back what has not been signalled; the others go on to their end. */
  async #undo(job: BulkRow, wish: UndoWish): Promise<void> {
    const plan: RowChange<WaitingItem, ExecutionRow, boolean> = {
      executionId: (item) => item.executionId,
      read: (ids) => this.#parts.executions.readRows(ids),
      decide: (row, _item, now) => {
        const decision = row?.cancellation?.bulkId === job.id ? decideUndo(row, wish, now) : undefined;
        if (decision?.kind !== 'undone') return { change: null, reply: false };
        return { change: decision.change, reply: true };
      },
    };
    for (let after = 0; !this.#stopping;) {
      const items = await this.#parts.store.requested(job.id, after, BATCH);
      const undone = await this.#parts.writer.apply(plan, items);
      const marks = items.flatMap(({ position }, index) =>
        undone[index] ? [[position, 'undone'] as const] : [],
      );
      await this.#parts.store.mark(job.id, 'requested', marks);
      after = items.at(-1)?.position ?? after;
      if (items.length < BATCH) return;
    }
  }

  /** Round and round, so that many slow ones do not keep a turn from ending. */
  async #settle(id: string): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS; turn += 1) {
      const { last, looked } = await this.#parts.store.settle(id, this.#settled.get(id) ?? 0, SETTLE_BATCH);
      this.#settled.set(id, looked < SETTLE_BATCH ? 0 : last);
      if (looked < SETTLE_BATCH) return;
    }
  }
}
