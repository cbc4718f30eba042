import { Counter, Histogram, Registry } from 'prom-client';
import type { Cancellation, ExecutionRow } from '../executions/execution-row.js';

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
  readonly #refusedWrites = new Counter({
    name: 'flux_refused_writes_total',
    help: 'Claims, checkpoints and cancels that the state of their execution did not allow',
    labelNames: ['write'],
    registers: [this.registry],
  });
  readonly duplicates = new Counter({
    name: 'flux_duplicate_checkpoints_total',
    help: 'Checkpoints that arrived again and were dropped',
    registers: [this.registry],
  });
  readonly scheduleFires = new Counter({
    name: 'flux_schedule_fires_total',
    help: 'Planned times and triggers of schedules, by what became of them',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly workersLost = new Counter({
    name: 'flux_workers_lost_total',
    help: 'Workers found gone',
    registers: [this.registry],
  });
  readonly #cancels = new Counter({
    name: 'flux_cancels_total',
    help: 'Cancels that ended, as `cancellation` of their executions tells it',
    labelNames: ['cause', 'outcome', 'cleanup'],
    registers: [this.registry],
  });
  readonly #forcedCancels = new Counter({
    name: 'flux_forced_cancels_total',
    help: 'Cancels whose runner was killed at the deadline',
    registers: [this.registry],
  });
  readonly #cancelPhases = new Histogram({
    name: 'flux_cancel_seconds',
    help: 'From the request of a cancel until it was delivered, stopped and finalised',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  finished(row: Pick<ExecutionRow, 'state' | 'cancellation'>): void {
    this.#finished.inc({ state: row.state });
    if (row.cancellation) this.#cancelEnded(row.cancellation);
  }

  /** Something was asked of an execution whose state does not allow it. */
  refused(write: 'cancel' | 'checkpoint' | 'claim', count = 1): void {
    this.#refusedWrites.inc({ write }, count);
  }

  #cancelEnded(cancellation: Cancellation): void {
    const { cause, outcome, cleanup, forced, requestedAt } = cancellation;
    this.#cancels.inc({ cause, outcome: outcome ?? 'cancelled', cleanup: cleanup ?? 'none' });
    if (forced) this.#forcedCancels.inc();
    const phases = {
      delivered: cancellation.deliveredAt,
      stopped: cancellation.stoppedAt,
      finalised: cancellation.finalizedAt,
    };
    for (const [phase, at] of Object.entries(phases)) {
      if (at !== null) this.#cancelPhases.observe({ phase }, (at - requestedAt) / 1000);
    }
  }
}
