import { isPast } from '@flux/domain';
import { decideCancel } from './cancel.js';
import type { Change } from './change.js';
import { childrenOf } from './children.js';
import { decideDelayed } from './delayed-cancel.js';
import type { CancelLimits, ExecutionRow } from './execution.js';
import { decideExpire, decideDueAfterChildren } from './finish.js';
import { decideFence, type BegunTask } from './hand-back.js';
import { cancelMessages, pauseMessages, waitingMessages, type OutboxMessage } from './messages.js';
import { decideWake } from './park.js';
import { afterChildren } from './requeue.js';
import { dueAt, fenceAt, isCleanup, nextResend } from './timing.js';

/** The requester of a cancel because of a timeout. */
const FLUX = 'flux';

/**
 * Decides about an execution whose time has come; nothing if it has not. Pure.
 * @param begun its tasks without an end on record; needed once `fenceAt` has passed
 */
export function decideDue(
  row: ExecutionRow | undefined,
  limits: CancelLimits,
  now: number,
  begun: readonly BegunTask[] = [],
): Change | null {
  const { leaseMs } = limits;
  if (!row || !isPast(dueAt(row) ?? Number.POSITIVE_INFINITY, now)) return null;
  if (row.state !== 'CANCELLING' && row.timeoutAt !== null && isPast(row.timeoutAt, now)) {
    return timeOut(row, limits, now);
  }
  return (
    decideDelayed(row, limits, now) ??
    decideDueAfterChildren(row, now) ??
    decideExpire(row, now) ??
    decideWake(row, now) ??
    decideFence(row, leaseMs, now, begun) ??
    sendAgain(row, leaseMs, now)
  );
}

/** A timeout is a cancel. */
function timeOut(row: ExecutionRow, limits: CancelLimits, now: number): Change | null {
  const request = {
    requestedBy: FLUX,
    reason: 'the execution timed out',
    cause: 'timeout',
    force: false,
    gracePeriodMs: undefined,
  } as const;
  const decision = decideCancel(row, request, limits, now);
  return decision.kind === 'accepted' ? decision.change : null;
}

/**
 * The execution was not taken up, or its owner has not answered: the message goes again, each time after a longer
 * pause.
 */
function sendAgain(row: ExecutionRow, leaseMs: number, now: number): Change {
  const dispatchCount = row.dispatchCount + 1;
  const nextDispatchAt = Math.min(
    nextResend(row.state !== 'SCHEDULED' || isCleanup(row), now, dispatchCount),
    fenceAt(row, leaseMs) ?? Number.POSITIVE_INFINITY,
  );
  const next = { ...lastCalled(row, now), dispatchCount, nextDispatchAt };
  return {
    row: next,
    events: [],
    outbox: row.workerId === null ? waitingMessages(row) : ownerMessages(row),
  };
}

/** The row, whose body waits for its children no longer if nobody runs it. */
function lastCalled(row: ExecutionRow, now: number): ExecutionRow {
  const { workerId, cancellation } = row;
  const isWaiting = workerId === null && childrenOf(row).awaited > 0;
  return isWaiting && cancellation ? { ...row, cancellation: afterChildren(cancellation, now) } : row;
}

function ownerMessages(row: ExecutionRow): OutboxMessage[] {
  return row.state === 'CANCELLING' ? cancelMessages(row) : pauseMessages(row);
}
