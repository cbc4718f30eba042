import type { CancelNotice } from '@flux/contracts';
import type { OutboxMessage, PendingNotice } from '../dispatch/outbox.js';
import type { Cancellation, ExecutionRow } from './execution-row.js';

function pendingNotice(row: ExecutionRow, cancellation: Cancellation): PendingNotice {
  return {
    executionId: row.id,
    attempt: row.attempt,
    requestedAt: cancellation.requestedAt,
    requestedBy: cancellation.requestedBy,
    reason: cancellation.reason,
    cause: cancellation.cause,
    deadlineAt: cancellation.deadlineAt,
  };
}

/** What its owner is told, with the time that is left at `now`. */
export function toNotice({ deadlineAt, ...notice }: PendingNotice, now: number): CancelNotice {
  return { ...notice, remainingMs: Math.max(0, deadlineAt - now) };
}

/** The notice of an execution under cancel, `null` for any other. */
export function noticeOf(row: ExecutionRow, now: number): CancelNotice | null {
  if (row.state !== 'CANCELLING' || !row.cancellation) return null;
  const notice = toNotice(pendingNotice(row, row.cancellation), now);
  return row.cancellation.deliveredAt === null ? notice : { ...notice, delivered: true };
}

/** The message to the owner; none without an owner or a cancel. */
export function cancelMessages(row: ExecutionRow): OutboxMessage[] {
  return row.workerId !== null && row.cancellation
    ? [{ kind: 'cancel', target: row.workerId, body: pendingNotice(row, row.cancellation) }]
    : [];
}

/** The message to the owner that is asked to park it; none without an owner. */
export function pauseMessages(row: ExecutionRow): OutboxMessage[] {
  const { id: executionId, attempt, workerId } = row;
  return workerId === null ? [] : [{ kind: 'pause', target: workerId, body: { executionId, attempt } }];
}
