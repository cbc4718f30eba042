import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Cancellation, ExecutionRow } from '../lifecycle/execution.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The core's figures, in a registry of this app's own. */
export class CoreMetrics {
  readonly registry = new Registry();
  readonly started = this.#counter('flux_executions_started_total', 'Executions created');
  readonly #finished = this.#counter(
    'flux_executions_finished_total',
    'Executions that reached a terminal state',
    'state',
  );
  readonly lateWrites = this.#counter(
    'flux_late_writes_total',
    'Checkpoints refused because their attempt no longer owns the execution',
  );
  readonly #refusedWrites = this.#counter(
    'flux_refused_writes_total',
    'Claims, checkpoints and cancels that the state of their execution did not allow',
    'write',
  );
  readonly duplicates = this.#counter(
    'flux_duplicate_checkpoints_total',
    'Checkpoints that arrived again and were dropped',
  );
  readonly scheduleFires = this.#counter(
    'flux_schedule_fires_total',
    'Planned times and triggers of schedules, by what became of them',
    'outcome',
  );
  readonly workersLost = this.#counter('flux_workers_lost_total', 'Workers found gone');
  readonly #cancels = this.#counter(
    'flux_cancels_total',
    'Cancels that ended, as `cancellation` of their executions tells it',
    'cause',
    'outcome',
    'cleanup',
  );
  readonly #forcedCancels = this.#counter(
    'flux_forced_cancels_total',
    'Cancels whose runner was killed at the deadline',
  );
  readonly #cancelPhases = new Histogram({
    name: 'flux_cancel_seconds',
    help: 'From the request of a cancel until it was delivered, stopped and finalised',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  /** @param isDatabaseUp whether the database does its work, as the last statements found it */
  constructor(isDatabaseUp: () => boolean) {
    const up: Gauge = new Gauge({
      name: 'flux_database_up',
      help: '1 while the database does its work, 0 while it cannot be reached, is read-only, full or refuses',
      registers: [this.registry],
      collect: () => up.set(isDatabaseUp() ? 1 : 0),
    });
  }

  finished(row: Pick<ExecutionRow, 'state' | 'cancellation'>): void {
    this.#finished.inc({ state: row.state });
    if (row.cancellation) this.#cancelEnded(row.cancellation);
  }

  /** Something was asked of an execution whose state does not allow it. */
  refused(write: 'cancel' | 'checkpoint' | 'claim', count = 1): void {
    this.#refusedWrites.inc({ write }, count);
  }

  #counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
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
