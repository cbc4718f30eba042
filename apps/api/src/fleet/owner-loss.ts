import { CHECKPOINT_PARTITIONS, checkpointPartition, type Topology } from '@flux/contracts';
import { ALARM, ASKED, HAND_OVER_AFTER_MS } from '@flux/domain';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { isTransientError } from '../database/errors.js';
import { Batcher } from '../flow/batcher.js';
import type { Decisions } from '../lifecycle/replaceable.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { BegunTasks } from '../executions/begun-tasks.js';
import type { ExecutionWriter, RowChange } from '../executions/execution-writer.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { Orphan } from '../lifecycle/hand-back.js';
import type { LiveWorkers } from '../registry/live-workers.js';
import type { Stores } from '../store/ports.js';
import type { BrokerAlarm } from './broker-alarm.js';

const BATCH = 200;
/** How long the last checkpoints of a worker that stopped may take to be applied. */
const STOPPED_MARGIN_MS = 2_000;

export interface OwnerLossParts {
  readonly stores: Stores;
  readonly writer: ExecutionWriter;
  readonly workers: LiveWorkers;
  readonly metrics: CoreMetrics;
  readonly decisions: Decisions;
  readonly bus: Bus;
  readonly topology: Topology;
  readonly logger: Logger;
  readonly leaseMs: number;
  readonly alarm: BrokerAlarm;
}

/** Ends workers that are gone and gives their executions to others. Any replica may do it, or several at once. */
export class OwnerLoss {
  readonly #parts: OwnerLossParts;
  readonly #orphans: Batcher<Orphan, boolean>;
  /** The timers of workers found lost by this replica; any other replica finds those workers at its next look. */
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #handOvers = new Set<Promise<void>>();

  constructor(parts: OwnerLossParts) {
    this.#parts = parts;
    const { stores, writer, decisions } = parts;
    const begun = new BegunTasks(stores.histories);
    const plan: RowChange<Orphan, ExecutionRow, boolean> = {
      executionId: (orphan) => orphan.executionId,
      read: async (ids) => {
        const rows = await stores.executions.readRows(ids);
        await begun.look(rows.filter(({ workerId }) => workerId !== null));
        return rows;
      },
      decide: (row, orphan, now) => {
        const change = decisions.decideLoss(row, orphan, now, begun.of(row));
        return { change, reply: change !== null };
      },
    };
    this.#orphans = new Batcher((orphans) => writer.apply(plan, orphans), {
      maxBatch: BATCH,
      flights: 2,
      failsAll: isTransientError,
    });
  }

  /**
   * Marks workers lost, unless they have ended already. Their executions are taken back a moment later: a worker that
   * is cut off and lives looks like a dead one, and gets the time to stop by itself.
   */
  async lose(workerIds: readonly string[], reason: string): Promise<void> {
    if (workerIds.length === 0) return;
    const lost = await this.#end(workerIds, 'lost');
    for (const workerId of lost) this.#parts.logger.warn({ workerId, reason }, 'a worker is lost');
    this.#parts.metrics.workersLost.inc(lost.length);
    if (lost.length > 0) this.#handOverSoon();
  }

  /** Resolves when no hand-over is under way; hand-overs that are not due yet are left to other replicas. */
  async idle(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#handOvers);
  }

  /** Marks a worker stopped; the executions that it still owns are taken back a moment later. */
  async stop(workerId: string): Promise<void> {
    await this.#end([workerId], 'stopped');
  }

  /**
   * Loses the workers that let their lease run out, though they were asked for a heartbeat. A database that has been away
   * renewed no lease, and a worker may have been vouched for. Nor can a heartbeat come through an alarm.
   */
  async loseExpired(): Promise<void> {
    const { stores, leaseMs, alarm } = this.#parts;
    if (!alarm.isOverFor(Math.max(leaseMs, ALARM.settleMs))) return;
    for (const id of await stores.workers.askExpiring(ASKED.leftMs(leaseMs))) this.#ask(id);
    await this.lose(await stores.workers.findExpired(ASKED.lostAfterMs(leaseMs)), 'its lease ran out');
  }

  #ask(workerId: string): void {
    const { bus, topology } = this.#parts;
    // Asked again at the next look, and pings find whether the worker is there at all.
    bus
      .publish(topology.control(workerId), 'ping', { at: Date.now(), asks: true }, { persistent: false })
      .catch(() => undefined);
  }

  /**
   * Takes back whatever a worker owns that is lost or stopped for long enough. What a stopped worker seems to own may
   * have ended: its last checkpoints wait to be applied.
   */
  async reclaim(): Promise<void> {
    const { executions } = this.#parts.stores;
    for (let found = BATCH; found === BATCH;) {
      const orphans = await executions.findOrphans(HAND_OVER_AFTER_MS, STOPPED_MARGIN_MS, BATCH);
      const lost = orphans.filter(({ workerState }) => workerState === 'lost');
      found = lost.length;
      await this.takeBack(lost);
      await this.takeBackLater(orphans.filter(({ workerState }) => workerState === 'stopped'));
    }
  }

  /**
   * Has executions taken back once all checkpoints are applied that their workers have sent of them by now. A message that
   * is lost comes again: the executions are found again until they are taken back.
   */
  async takeBackLater(orphans: readonly Orphan[]): Promise<void> {
    const { bus, topology } = this.#parts;
    for (let partition = 0; partition < CHECKPOINT_PARTITIONS; partition += 1) {
      const own = orphans.filter(({ executionId }) => checkpointPartition(executionId) === partition);
      for (let start = 0; start < own.length; start += BATCH) {
        const body = { items: own.slice(start, start + BATCH) };
        await bus.publish(topology.checkpoints(partition), 'take_back', body).catch(() => undefined);
      }
    }
  }

  /** Takes these executions back; an execution that its worker owns no more is left alone. */
  async takeBack(orphans: readonly Orphan[]): Promise<void> {
    await Promise.all(orphans.map((orphan) => this.#orphans.run(orphan)));
  }

  #end(workerIds: readonly string[], state: 'lost' | 'stopped'): Promise<string[]> {
    for (const workerId of workerIds) this.#parts.workers.forget(workerId);
    return this.#parts.stores.workers.end(workerIds, state);
  }

  #handOverSoon(): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const handOver = this.reclaim()
        .catch((error: unknown) =>
          this.#parts.logger.warn({ err: error }, 'what a lost worker held is handed over later'),
        )
        .finally(() => this.#handOvers.delete(handOver));
      this.#handOvers.add(handOver);
    }, HAND_OVER_AFTER_MS);
    this.#timers.add(timer);
  }
}
