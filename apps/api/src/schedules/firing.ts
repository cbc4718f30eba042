import { SCHEDULE_LABEL } from '@flux/contracts';
import { FluxError, parseDuration } from '@flux/domain';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import type { Database, Sql } from '../database/database.js';
import type { OutboxRow } from '../dispatch/outbox.js';
import type { Relay } from '../dispatch/relay.js';
import type { Canceller } from '../executions/cancel/canceller.js';
import type { StartCommand } from '../executions/execution-service.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { StartStore } from '../executions/start/start-store.js';
import { newExecution, type Starter } from '../executions/start/starter.js';
import type { KnownWorkflow } from '../fleet/workflow-registry.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import { FireDraft, type Refusal } from './fire-draft.js';
import type { ScheduleSpec } from './schedule-row.js';
import type { KnownSchedule, ScheduleStore } from './schedule-store.js';

/** A reason may quote what users sent. */
const LONGEST_REASON = 1_000;
/** What PostgreSQL's `text` does not take. */
const UNSTORABLE = /\0|\p{Surrogate}/gu;

/** The parts of the api that a fire goes through. */
export interface FiringParts {
  readonly database: Database;
  readonly schedules: ScheduleStore;
  readonly starter: Starter;
  readonly starts: StartStore;
  readonly executions: ExecutionStore;
  readonly canceller: Canceller;
  readonly relay: Relay;
  readonly metrics: CoreMetrics;
  readonly logger: Logger;
}

type Admission =
  | { readonly definition: KnownWorkflow['definition']; readonly refusal: undefined }
  | { readonly definition: undefined; readonly refusal: Refusal };

interface Done<R> {
  readonly draft: FireDraft;
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
    decide: (draft: FireDraft) => R,
  ): Promise<R | undefined> {
    for (;;) {
      const seen = await this.#parts.schedules.read(id);
      if (!seen) return undefined;
      // Before the transaction: it may ask the database, and a transaction that waits for a second connection
      // could wait for others that do the same.
      const admission = await this.#admit(seen);
      const done = await this.#transact(seen, admission, lock, decide);
      if (done === 'changed') continue;
      if (done === 'nothing') return undefined;
      this.#parts.relay.publish(done.outbox);
      this.#count(done.draft);
      if (done.draft.cancels) await this.#cancelLast(done.draft);
      return done.result;
    }
  }

  #transact<R>(
    seen: KnownSchedule,
    { definition, refusal }: Admission,
    lock: (tx: Sql) => Promise<KnownSchedule | undefined>,
    decide: (draft: FireDraft) => R,
  ): Promise<Done<R> | 'nothing' | 'changed'> {
    const { database, schedules, starts } = this.#parts;
    return database.transaction(async (tx) => {
      const locked = await lock(tx);
      if (!locked) return 'nothing';
      const { lastState, ...row } = locked;
      if (JSON.stringify(row.spec) !== JSON.stringify(seen.spec)) return 'changed';
      const now = database.now();
      const draft = new FireDraft(row, { now, lastState, refusal, newExecutionId: uuid });
      const result = decide(draft);
      const command = startCommand(row.id, row.spec);
      const wanted = definition
        ? draft.started.map((executionId) => newExecution({ ...command, executionId }, definition, now))
        : [];
      const { outbox } = await starts.create(tx, wanted);
      await schedules.write(tx, draft.row, draft.fires, now);
      return { draft, result, outbox };
    });
  }

  /** Whether an execution of the schedule could be started now; what is not the schedule's own fault is thrown. */
  async #admit({ id, spec }: KnownSchedule): Promise<Admission> {
    try {
      return { definition: await this.#parts.starter.admit(startCommand(id, spec)), refusal: undefined };
    } catch (error) {
      if (!(error instanceof FluxError) || error.code === 'DATABASE_UNAVAILABLE') throw error;
      const reason = error.message.replace(UNSTORABLE, '?').slice(0, LONGEST_REASON);
      return { definition: undefined, refusal: { code: error.code, reason } };
    }
  }

  #count({ fires, started }: FireDraft): void {
    const { metrics } = this.#parts;
    if (started.length > 0) metrics.started.inc(started.length);
    for (const { outcome, count } of fires) metrics.scheduleFires.inc({ outcome }, count);
  }

  /** Through the ordinary cancel. Should it fail, the next look at the fire that waits asks again. */
  async #cancelLast({ row }: FireDraft): Promise<void> {
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
      // It ended in the meantime, which is what the cancel is for.
      if (error instanceof FluxError && error.code === 'EXECUTION_ALREADY_FINISHED') return;
      logger.warn(
        { err: error, scheduleId: row.id, executionId },
        'a schedule could not cancel its execution',
      );
    }
  }
}

/** Who starts and cancels on behalf of a schedule. */
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
