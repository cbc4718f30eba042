import { isTerminal } from '@flux/domain';
import type { ExecutionRow } from './execution-row.js';

/** A run message nobody took is sent again after this; doubled each time, so that a long queue hardly grows. */
export const RUN_RESEND_MS = 30_000;
const LONGEST_RUN_RESEND_MS = 3_600_000;
/** A cancel nobody acknowledged is sent again after this; doubled each time. */
export const CANCEL_RESEND_MS = 2_000;
const LONGEST_CANCEL_RESEND_MS = 60_000;

/** From where an orphan counts its resends: the first comes after about a second, a run and a cancel alike. */
const FIRST_OF_ORPHAN = { run: -5, cancel: -1 };

/** Whether time is short for an execution that waits for a worker: it is cancelled, or its owner was lost just now. */
export function isUrgent({ state, dispatchCount }: Pick<ExecutionRow, 'state' | 'dispatchCount'>): boolean {
  return state === 'CANCELLING' || dispatchCount < 0;
}

/** When to send again what has been sent `count + 1` times; sooner where `count` is below 0. */
export function nextResend(cancelling: boolean, now: number, count: number): number {
  const [first, longest] = cancelling
    ? [CANCEL_RESEND_MS, LONGEST_CANCEL_RESEND_MS]
    : [RUN_RESEND_MS, LONGEST_RUN_RESEND_MS];
  return now + Math.min(longest, first * 2 ** Math.min(count, 30));
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

/** When the sweeper must look at the execution next, `null` for never. Epoch milliseconds. */
export function dueAt(row: ExecutionRow): number | null {
  if (isTerminal(row.state)) return null;
  if (row.state !== 'CANCELLING') {
    const cancelAt = row.parking?.delayedCancel?.dueAt ?? null;
    return earliest(row.nextDispatchAt, row.timeoutAt, wakeAt(row), cancelAt);
  }
  // Its owner answers for the deadline; without one the sweeper does.
  const deadlineAt = row.workerId === null ? (row.cancellation?.deadlineAt ?? null) : null;
  return earliest(row.nextDispatchAt, deadlineAt);
}

/** The row as it waits for its next owner. */
export function withoutOwner<Row extends ExecutionRow>(row: Row, now: number): Row {
  const nextDispatchAt = nextResend(row.state === 'CANCELLING', now, 0);
  return { ...row, workerId: null, claimId: null, nextDispatchAt, dispatchCount: 0 };
}

/**
 * The row of an execution that was dispatched because its owner is lost. A frozen worker is still a consumer until the
 * broker misses its heartbeats: it may be the one that gets the message, so the first resends do not wait for long.
 */
export function orphaned<Row extends ExecutionRow>(row: Row, now: number): Row {
  const cancelling = row.state === 'CANCELLING';
  const dispatchCount = FIRST_OF_ORPHAN[cancelling ? 'cancel' : 'run'];
  return { ...row, dispatchCount, nextDispatchAt: nextResend(cancelling, now, dispatchCount) };
}
