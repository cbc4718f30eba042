import {
  decideOverlap,
  dueTimes,
  isTerminal,
  parseDuration,
  type ErrorCode,
  type ExecutionState,
  type NextTime,
} from '@flux/domain';
import type { FireRow, ScheduleRow } from './schedule-row.js';

/** Most planned times that one look fires: the others wait for the next, so that no schedule holds up another. */
const FIRES_AT_ONCE = 100;
/** Missed times are counted up to here. */
const MISSED_COUNT_LIMIT = 1_000;

/** Why an execution of the schedule cannot be started now. */
export interface RefusedFire {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** The facts beside the schedule itself. */
export interface FireContext {
  readonly now: number;
  /** The state of the execution that the schedule started last. */
  readonly lastState: ExecutionState | null;
  readonly refusal: RefusedFire | undefined;
  readonly newExecutionId: () => string;
}

type Ending = Pick<FireRow, 'outcome'> & Partial<Pick<FireRow, 'executionId' | 'reason' | 'code'>>;

/** The fires of one schedule that are decided on together, one on top of the other. Pure but for the new ids. */
export class PendingFires {
  /** New ones, and with its old number the one that waited and waits no more. */
  readonly fires: FireRow[] = [];
  readonly #context: FireContext;
  #row: ScheduleRow;
  #running: boolean;

  constructor(row: ScheduleRow, context: FireContext) {
    this.#row = row;
    this.#context = context;
    this.#running = context.lastState !== null && !isTerminal(context.lastState);
  }

  /** The schedule as the decisions so far leave it. */
  get row(): ScheduleRow {
    return this.#row;
  }

  /** The executions to start. */
  get started(): string[] {
    return this.fires.flatMap(({ executionId }) => (executionId === null ? [] : [executionId]));
  }

  /** True when the last execution is to be cancelled: a fire waits for its end, and nobody has asked yet. */
  get cancels(): boolean {
    const { spec, waiting } = this.#row;
    return spec.overlap === 'cancel' && waiting !== null && this.#context.lastState !== 'CANCELLING';
  }

  /** Whatever has come due: the fire that waits, missed times, planned times. */
  fireDue(next: NextTime): void {
    this.#settleWaiting();
    const { spec, nextFireAt, paused } = this.#row;
    if (nextFireAt === null) return;
    if (paused) return this.missPaused();
    const due = dueTimes(next, nextFireAt, this.#context.now, {
      windowMs: parseDuration(spec.catchUp),
      limit: FIRES_AT_ONCE,
      countLimit: MISSED_COUNT_LIMIT,
    });
    const { missed, times } = due;
    if (missed) {
      const more = missed.more ? `; there were more than these ${missed.count}` : '';
      const reason = `no api was there to fire it within the catch-up window of ${spec.catchUp}${more}`;
      this.#add(missed.first, null, { outcome: 'missed', reason }, missed);
    }
    times.forEach((time, index) => {
      // Each would only cancel the one before it.
      if (spec.overlap === 'cancel' && index < times.length - 1) {
        this.#add(time, null, { outcome: 'skipped', reason: 'a later planned time was due as well' });
      } else {
        this.#fire(time, null);
      }
    });
    const lastPlannedAt = times.at(-1) ?? missed?.last ?? this.#row.lastPlannedAt;
    this.#row = { ...this.#row, nextFireAt: due.next ?? null, lastPlannedAt };
  }

  /** The single time of a paused schedule is missed once it has passed. */
  missPaused(): void {
    const { paused, nextFireAt } = this.#row;
    if (!paused || nextFireAt === null || nextFireAt > this.#context.now) return;
    this.#add(nextFireAt, null, { outcome: 'missed', reason: 'the schedule was paused' });
    this.#row = { ...this.#row, nextFireAt: null, lastPlannedAt: nextFireAt };
  }

  /** Somebody fires it by hand. */
  trigger(triggeredBy: string): FireRow {
    this.#settleWaiting();
    return this.#fire(this.#context.now, triggeredBy);
  }

  /** The fire that waits is given up. */
  dropWaiting(reason: string): void {
    const { waiting } = this.#row;
    if (waiting) this.#settle(waiting, { outcome: 'skipped', reason });
  }

  #settleWaiting(): void {
    const { waiting, spec, lastExecutionId } = this.#row;
    if (!waiting || (this.#running && spec.overlap !== 'allow')) return;
    this.#settle(waiting, this.#start(`it waited for the execution ${lastExecutionId}`));
  }

  #settle(waiting: FireRow, ending: Ending): void {
    this.fires.push({ ...waiting, firedAt: this.#context.now, reason: null, ...ending });
    this.#row = { ...this.#row, waiting: null };
  }

  #fire(plannedAt: number, triggeredBy: string | null): FireRow {
    const { spec, waiting, lastExecutionId } = this.#row;
    const verdict = decideOverlap(spec.overlap, { running: this.#running, waiting: waiting !== null });
    if (verdict.kind === 'start') return this.#add(plannedAt, triggeredBy, this.#start(null));
    if (verdict.kind === 'skip') {
      const reasons = {
        running: `the previous execution ${lastExecutionId} still goes on`,
        waiting: `an earlier fire waits for the execution ${lastExecutionId} to end`,
      };
      return this.#add(plannedAt, triggeredBy, { outcome: 'skipped', reason: reasons[verdict.because] });
    }
    const cancelled = verdict.cancel ? ', which is cancelled for it' : '';
    const reason = `it waits for the execution ${lastExecutionId} to end${cancelled}`;
    const fire = this.#add(plannedAt, triggeredBy, { outcome: 'queued', reason });
    this.#row = { ...this.#row, waiting: fire };
    return fire;
  }

  #start(reason: string | null): Ending {
    const { refusal, newExecutionId } = this.#context;
    if (refusal) return { outcome: 'failed', ...refusal };
    const executionId = newExecutionId();
    this.#running = true;
    this.#row = { ...this.#row, lastExecutionId: executionId };
    return { outcome: 'started', executionId, reason };
  }

  #add(
    plannedAt: number,
    triggeredBy: string | null,
    ending: Ending,
    { count, last }: { readonly count: number; readonly last?: number } = { count: 1 },
  ): FireRow {
    const fire: FireRow = {
      seq: this.#row.fireSeq + 1,
      plannedAt,
      firedAt: this.#context.now,
      triggeredBy,
      executionId: null,
      reason: null,
      code: null,
      count,
      lastPlannedAt: last ?? null,
      ...ending,
    };
    this.fires.push(fire);
    this.#row = { ...this.#row, fireSeq: fire.seq };
    return fire;
  }
}
