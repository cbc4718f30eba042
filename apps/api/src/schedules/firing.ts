import { SCHEDULE_LABEL, type WorkflowDefinition } from '@flux/contracts';
import { FluxError, parseDuration } from '@flux/domain';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import type { Database, Sql } from '../database/database.js';
import type { Relay } from '../dispatch/relay.js';
import type { Canceller } from '../executions/cancel.js';
import type { Starter } from '../executions/start.js';
import type { OutboxRow } from '../lifecycle/messages.js';
import { newExecution, type StartCommand } from '../lifecycle/start.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';

import type { ExecutionStore } from '../store/ports.js';
import { createExecutions } from '../store/create-executions.js';
import { insertStarts } from '../store/insert-executions.js';
import { PendingFires, type RefusedFire } from './pending-fires.js';
import type { ScheduleSpec } from './schedule-row.js';
import type { KnownSchedule, ScheduleStore } from './schedule-store.js';

/** A reason may quote what users sent. */
const LONGEST_REASON = 1_000;
/** The characters that PostgreSQL's `text` does not take. */
const UNSTORABLE = /\0|\p{Surrogate}/gu;

/** The parts of the api that a fire goes through. */
export interface FiringParts {
  readonly database: Database;
  readonly schedules: ScheduleStore;
  readonly starter: Starter;
  readonly executions: ExecutionStore;
  readonly canceller: Canceller;
  readonly relay: Relay;
  readonly metrics: CoreMetrics;
  readonly logger: Logger;
}

type FireVerdict =
  | { readonly definition: WorkflowDefinition; readonly refusal: undefined }
  | { readonly definition: undefined; readonly refusal: RefusedFire };

interface Done<R> {
  readonly pending: PendingFires;
  readonly result: R;
  readonly outbox: readonly OutboxRow[];
}

/**
 * Fires schedules. One transaction holds the schedule's row and writes its fires, their executions with first event
 * and run message, and when it is due next: all of it or nothing, and by one replica alone.
 */
export class Firing {
  readonly #parts: FiringParts;

  constructor(parts: FiringParts) {
    this.#parts = parts;
  }

  /**
   * Takes the schedule with `lock`, lets `decide` fire it, and resolves once that is durable; `undefined` when there
   * was nothing to take.
   */
  async fire<R>(
    id: string,
    lock: (tx: Sql) => Promise<KnownSchedule | undefined>,
    decide: (pending: PendingFires) => R,
  ): Promise<R | undefined> {
    for (;;) {
      const seen = await this.#parts.schedules.read(id);
      if (!seen) return undefined;
      // The start is admitted before the transaction: admission may ask the database, and a transaction that waits
      // for a second connection could wait for others that do the same.
      const verdict = await this.#admit(seen);
      const done = await this.#transact(seen, verdict, lock, decide);
      if (done === 'changed') continue;
      if (done === 'nothing') return undefined;
      this.#parts.relay.publish(done.outbox);
      this.#count(done.pending);
      this.tellMissed(done.pending);
      if (done.pending.cancels) await this.#cancelLast(done.pending);
      return done.result;
    }
  }

  /** Logs the planned times that were missed. */
  tellMissed({ row, fires }: PendingFires): void {
    for (const { outcome, plannedAt, count, reason } of fires) {
      if (outcome !== 'missed') continue;
      const times = { plannedAt: new Date(plannedAt).toISOString(), count };
      this.#parts.logger.warn({ scheduleId: row.id, ...times, reason }, 'a schedule missed a planned time');
    }
  }

  #transact<R>(
    seen: KnownSchedule,
    { definition, refusal }: FireVerdict,
    lock: (tx: Sql) => Promise<KnownSchedule | undefined>,
    decide: (pending: PendingFires) => R,
  ): Promise<Done<R> | 'nothing' | 'changed'> {
    const { database, schedules } = this.#parts;
    return database.transaction(async (tx) => {
      const locked = await lock(tx);
      if (!locked) return 'nothing';
      const { lastState, ...row } = locked;
      if (JSON.stringify(row.spec) !== JSON.stringify(seen.spec)) return 'changed';
      const now = database.now();
      const pending = new PendingFires(row, { now, lastState, refusal, newExecutionId: uuid });
      const result = decide(pending);
      const command = startCommand(row.id, row.spec);
      const wanted = definition
        ? pending.started.map((executionId) => newExecution({ ...command, executionId }, definition, now))
        : [];
      const { outbox } = await createExecutions(wanted, (starts) => insertStarts(tx, starts, now));
      await schedules.write(tx, pending.row, pending.fires, now);
      return { pending, result, outbox };
    });
  }

  /** Whether an execution of the schedule could be started now; what is not the schedule's own fault is thrown. */
  async #admit({ id, spec }: KnownSchedule): Promise<FireVerdict> {
    try {
      return { definition: await this.#parts.starter.admit(startCommand(id, spec)), refusal: undefined };
    } catch (error) {
      if (!(error instanceof FluxError) || error.code === 'DATABASE_UNAVAILABLE') throw error;
      const reason = error.message.replace(UNSTORABLE, '?').slice(0, LONGEST_REASON);
      return { definition: undefined, refusal: { code: error.code, reason } };
    }
  }

  #count({ fires, started }: PendingFires): void {
    const { metrics } = this.#parts;
    if (started.length > 0) metrics.started.inc(started.length);
    for (const { outcome, count } of fires) metrics.scheduleFires.inc({ outcome }, count);
  }

  /**
   * Cancels the last execution by the ordinary cancel. Should that fail, the next look at the fire that waits asks
   * again.
   */
  async #cancelLast({ row }: PendingFires): Promise<void> {
    const { executions, canceller, logger } = this.#parts;
    const executionId = row.lastExecutionId ?? '';
    try {
      const [last] = await executions.readRows([executionId]);
      if (!last) return;
      await canceller.cancel({
        workflowName: last.workflowName,
        executionId,
        requestedBy: actorOf(row.id),
        reason: `the schedule '${row.id}' fired again`,
        force: false,
        gracePeriodMs: undefined,
      });
    } catch (error) {
      // The execution ended in the meantime, which is what the cancel is for.
      if (error instanceof FluxError && error.code === 'EXECUTION_ALREADY_FINISHED') return;
      logger.warn(
        { err: error, scheduleId: row.id, executionId },
        'a schedule could not cancel its execution',
      );
    }
  }
}

/** The name that starts and cancels on behalf of a schedule. */
function actorOf(scheduleId: string): string {
  return `schedule:${scheduleId}`;
}

/** The start of one of its executions. */
export function startCommand(scheduleId: string, spec: ScheduleSpec): StartCommand {
  return {
    workflowName: spec.workflowName,
    input: spec.input,
    executionId: undefined,
    idempotencyKey: undefined,
    labels: { ...spec.labels, [SCHEDULE_LABEL]: scheduleId },
    timeoutMs: spec.timeout === null ? undefined : parseDuration(spec.timeout),
    requestedBy: actorOf(scheduleId),
  };
}
