import { Counter, Histogram, Registry } from 'prom-client';
import type { ExecutionRow } from '../executions/execution-row.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The core's figures, in a registry of this app's own. */
export class CoreMetrics {
  readonly registry = new Registry();
  readonly started = new Counter({
    name: 'flux_executions_started_total',
    help: 'Executions created',
    registers: [this.registry],
  });
  readonly #finished = new Counter({
    name: 'flux_executions_finished_total',
    help: 'Executions that reached a terminal state',
    labelNames: ['state'],
    registers: [this.registry],
  });
  readonly lateWrites = new Counter({
    name: 'flux_late_writes_total',
    help: 'Checkpoints refused because their attempt no longer owns the execution',
    registers: [this.registry],
  });
  readonly duplicates = new Counter({
    name: 'flux_duplicate_checkpoints_total',
    help: 'Checkpoints that arrived again and were dropped',
    registers: [this.registry],
  });
  readonly workersLost = new Counter({
    name: 'flux_workers_lost_total',
    help: 'Workers found gone',
    registers: [this.registry],
  });
  readonly #cancelSteps = new Histogram({
    name: 'flux_cancel_seconds',
    help: 'Time of each step of a cancel',
    labelNames: ['step'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  finished(row: ExecutionRow): void {
    this.#finished.inc({ state: row.state });
    const cancel = row.cancellation;
    if (!cancel) return;
    this.#step('requested_to_delivered', cancel.requestedAt, cancel.deliveredAt);
    this.#step('delivered_to_stopped', cancel.deliveredAt, cancel.stoppedAt);
    this.#step('stopped_to_finalized', cancel.stoppedAt, cancel.finalizedAt);
    this.#step('requested_to_finalized', cancel.requestedAt, cancel.finalizedAt);
  }

  #step(step: string, from: number | null, to: number | null): void {
    if (from !== null && to !== null) this.#cancelSteps.observe({ step }, (to - from) / 1000);
  }
}
