import { backoff, HAND_OVER_AFTER_MS, isTerminal, latestDeadline } from '@flux/domain';
import type { Cancellation, ExecutionRow } from './execution.js';

/** An ISO time of epoch milliseconds, for a parameter. */
export function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** The last moment a Date can tell. */
export const LAST_TIME = 8.64e15;

/** The ISO time of a worker's clock, whatever it says. */
export function isoTime(time: number): string {
  return new Date(Math.min(Math.max(time, -LAST_TIME), LAST_TIME)).toISOString();
}

/** A run message nobody took is sent again after this; doubled each time, so that a long queue hardly grows. */
const RUN_RESENDS = { firstMs: 30_000, longestMs: 3_600_000 };

/** A cancel nobody acknowledged is sent again after this; doubled each time. */
const CANCEL_RESENDS = { firstMs: 2_000, longestMs: 60_000 };

/** The count at which an orphan's resends begin: the first comes after about a second, a run and a cancel alike. */
const FIRST_OF_ORPHAN = { run: -5, cancel: -1 };

/** Whether a cancel, a rollback or a shield waits for the execution. */
export function isCleanup({ state, parent }: Pick<ExecutionRow, 'state' | 'parent'>): boolean {
  return state === 'CANCELLING' || parent?.cleanup === true;
}

/**
 * Whether time is short for an execution that waits for a worker: it is part of a cleanup, or its owner was lost just
 * now.
 */
export function isUrgent(row: Pick<ExecutionRow, 'state' | 'parent' | 'dispatchCount'>): boolean {
  return isCleanup(row) || row.dispatchCount < 0;
}

/** When to send again what has been sent `count + 1` times; sooner where `count` is below 0. */
export function nextResend(cancelling: boolean, now: number, count: number): number {
  return now + backoff(cancelling ? CANCEL_RESENDS : RUN_RESENDS, count);
}

function earliest(...times: (number | null)[]): number | null {
  const set = times.filter((time) => time !== null);
  return set.length === 0 ? null : Math.min(...set);
}

/** When a parked execution wakes by itself, `null` for never. What was paused from outside sleeps on. */
export function wakeAt(row: ExecutionRow): number | null {
  const parked = row.parking?.parked;
  return parked && parked.kind !== 'request' ? parked.dueAt : null;
}

/** The last moment that a body may have for its cleanup. */
export function lastMoment({ deadlineAt, graceMs, latestAt = deadlineAt }: Cancellation): number {
  return graceMs === undefined ? deadlineAt : latestAt;
}

/** The grace period of a body that hears of the cancel next; `undefined` where it was forced. */
export function graceOf({ bodyMs, graceMs }: Cancellation): number | undefined {
  return graceMs === undefined ? undefined : (bodyMs ?? graceMs);
}

/** The cancel once a body has heard of it: the grace period is that body's. Only the first one counts for the times. */
export function heard(cancellation: Cancellation, at: number): Cancellation {
  const graceMs = graceOf(cancellation);
  const { deliveredAt, deadlineAt } = cancellation;
  return {
    ...cancellation,
    deliveredAt: deliveredAt ?? at,
    deadlineAt: graceMs === undefined ? deadlineAt : Math.min(at + graceMs, lastMoment(cancellation)),
  };
}

/** The cancel as it waits for a body that has yet to hear of it. */
function unheard(cancellation: Cancellation): Cancellation {
  return { ...cancellation, deadlineAt: lastMoment(cancellation) };
}

/**
 * How long after the last moment of a cleanup the owner of a cancel may tell of its end; milliseconds. With the time in
 * which a worker that was told to stop has stopped, this is within the bound of a cancel.
 */
const REPORT_MARGIN_MS = 1_000;

/**
 * When an owner that has not told of the end of a cancel loses the execution, `null` for never. By then a worker that is
 * not lost has heard of the cancel with a heartbeat, and its time for the cleanup is over.
 */
export function fenceAt({ state, workerId, cancellation }: ExecutionRow, leaseMs: number): number | null {
  if (state !== 'CANCELLING' || workerId === null || !cancellation) return null;
  const { deadlineAt, graceMs, latestAt } = cancellation;
  const isLate = graceMs !== undefined && latestAt !== undefined;
  const lastAt = isLate ? latestAt : latestDeadline(deadlineAt, 0, leaseMs);
  return Math.min(lastAt, latestAt ?? lastAt) + REPORT_MARGIN_MS;
}

/** When a cancel without an owner is over. */
export function expiresAt(cancellation: Cancellation): number {
  const { fencedAt } = cancellation;
  return fencedAt === undefined ? lastMoment(cancellation) : fencedAt + HAND_OVER_AFTER_MS;
}

/** When the sweeper must look at the execution next, `null` for never. Epoch milliseconds. */
export function dueAt(row: ExecutionRow): number | null {
  if (isTerminal(row.state)) return null;
  if (row.state !== 'CANCELLING') {
    const cancelAt = row.parking?.delayedCancel?.dueAt ?? null;
    return earliest(row.nextDispatchAt, row.timeoutAt, wakeAt(row), cancelAt);
  }
  // The owner answers for the deadline; without an owner, and for children that are waited for, the sweeper does.
  const endsAt = row.workerId === null && row.cancellation ? expiresAt(row.cancellation) : null;
  return earliest(row.nextDispatchAt, endsAt);
}

/** The row as it waits for its next owner. */
export function withoutOwner<Row extends ExecutionRow>(row: Row, now: number): Row {
  const nextDispatchAt = nextResend(isCleanup(row), now, 0);
  const cancellation = row.cancellation && unheard(row.cancellation);
  return { ...row, workerId: null, claimId: null, cancellation, nextDispatchAt, dispatchCount: 0 };
}

/**
 * The row of an execution that was dispatched because its owner is lost. A frozen worker is still a consumer until the
 * broker misses its heartbeats: it may be the one that gets the message, so the first resends do not wait for long.
 */
export function orphaned<Row extends ExecutionRow>(row: Row, now: number): Row {
  const isShort = isCleanup(row);
  const dispatchCount = FIRST_OF_ORPHAN[isShort ? 'cancel' : 'run'];
  return { ...row, dispatchCount, nextDispatchAt: nextResend(isShort, now, dispatchCount) };
}
