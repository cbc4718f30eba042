import { isPast, transition } from '@flux/domain';
import { factsOf, type CancelLimits, type DelayedCancel, type ExecutionRow } from './execution.js';
import type { Change } from './change.js';
import { withParking } from './waiting.js';
import { decideCancel, type CancelDecision, type Cancel } from './cancel.js';

/**
 * A cancel that is to come after a delay. The execution goes on until then; of two the earlier one stands, and one under
 * way already is neither changed nor repeated. Pure.
 */
export function decideDelay<Row extends ExecutionRow>(
  row: Row,
  request: Cancel,
  delayMs: number,
  now: number,
): CancelDecision<Row> {
  const move = transition(row.state, 'cancel', factsOf(row));
  if (move.kind === 'refuse') return { kind: 'finished', state: row.state };
  const dueAt = now + delayMs;
  const standing = row.parking?.delayedCancel;
  if (row.cancellation || (standing && standing.dueAt <= dueAt)) return { kind: 'accepted', change: null };
  const { requestedBy, reason, force, gracePeriodMs = null } = request;
  const delayedCancel: DelayedCancel = { requestedAt: now, requestedBy, reason, force, gracePeriodMs, dueAt };
  const data = { requestedBy, reason, dueAt: new Date(dueAt).toISOString() };
  return {
    kind: 'accepted',
    change: {
      row: withParking(row, { delayedCancel }),
      events: [{ type: 'cancel_delayed', at: now, attempt: row.attempt, data }],
      outbox: [],
    },
  };
}

/** Begins a cancel whose delay is over; nothing before. Pure. */
export function decideDelayed(row: ExecutionRow, limits: CancelLimits, now: number): Change | null {
  const delayed = row.parking?.delayedCancel;
  if (!delayed || !isPast(delayed.dueAt, now)) return null;
  const { requestedBy, reason, force, gracePeriodMs } = delayed;
  const request = {
    requestedBy,
    reason,
    cause: 'request',
    force,
    gracePeriodMs: gracePeriodMs ?? undefined,
  } as const;
  const decision = decideCancel(row, request, limits, now);
  return decision.kind === 'accepted' ? decision.change : null;
}
