import { isPast } from '@flux/domain';
import { runMessage, urgentMessages, type OutboxMessage } from '../dispatch/outbox.js';
import { decideCancel } from '../executions/cancel/decide-cancel.js';
import { decideDelayed } from '../executions/cancel/decide-delay.js';
import { decideExpire } from '../executions/cancel/decide-expire.js';
import { decideHeldDue } from '../executions/children/hold.js';
import type { Change, ExecutionRow } from '../executions/execution-row.js';
import { cancelMessages, pauseMessages } from '../executions/notices.js';
import { decideWake } from '../executions/parking/decide-wake.js';
import { dueAt, isUrgent, nextResend } from '../executions/schedule.js';

/** Who asks for a cancel because of a timeout. */
const FLUX = 'flux';

/** What is to be done about an execution whose time has come; nothing if it has not. Pure. */
export function decideDue(row: ExecutionRow | undefined, defaultGraceMs: number, now: number): Change | null {
  if (!row || !isPast(dueAt(row) ?? Number.POSITIVE_INFINITY, now)) return null;
  if (row.state !== 'CANCELLING' && row.timeoutAt !== null && isPast(row.timeoutAt, now)) {
    return timeOut(row, defaultGraceMs, now);
  }
  return (
    decideDelayed(row, defaultGraceMs, now) ??
    decideHeldDue(row, now) ??
    decideExpire(row, now) ??
    decideWake(row, now) ??
    sendAgain(row, now)
  );
}

/** A timeout is a cancel. */
function timeOut(row: ExecutionRow, defaultGraceMs: number, now: number): Change | null {
  const request = {
    requestedBy: FLUX,
    reason: 'the execution timed out',
    cause: 'timeout',
    force: false,
    gracePeriodMs: undefined,
  } as const;
  const decision = decideCancel(row, request, defaultGraceMs, now);
  return decision.kind === 'accepted' ? decision.change : null;
}

/** Nobody has taken it up, or its owner has not answered: the message again, each time after a longer pause. */
function sendAgain(row: ExecutionRow, now: number): Change {
  const dispatchCount = row.dispatchCount + 1;
  const nextDispatchAt = nextResend(row.state !== 'SCHEDULED', now, dispatchCount);
  return {
    row: { ...row, dispatchCount, nextDispatchAt },
    events: [],
    outbox: row.workerId === null ? waitingMessages(row) : ownerMessages(row),
  };
}

function waitingMessages(row: ExecutionRow): OutboxMessage[] {
  return isUrgent(row) ? urgentMessages(row) : [runMessage(row)];
}

function ownerMessages(row: ExecutionRow): OutboxMessage[] {
  return row.state === 'CANCELLING' ? cancelMessages(row) : pauseMessages(row);
}
