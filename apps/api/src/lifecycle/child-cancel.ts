import { childGraceMs, childSpareMs, isTerminal } from '@flux/domain';
import { decideCancel, type Cancel } from './cancel.js';
import type { Change } from './change.js';
import { isAwaited } from './children.js';
import type { CancelLimits, Cancellation, ExecutionRow, ParentLink } from './execution.js';
import { graceOf, lastMoment } from './timing.js';

/** The requester where no one cancelled the parent. */
const FLUX = 'flux';

/** Decides what the cancel or the end of a parent does to a child. Pure; nothing where its policy leaves it alone. */
export function decideChildCancel(
  parent: ExecutionRow,
  child: ExecutionRow,
  force: boolean,
  limits: CancelLimits,
  now: number,
): Change | null {
  const request = cancelRequestOf(parent, child, force, limits, now);
  const decision = request && decideCancel(child, request, limits, now);
  return decision?.kind === 'accepted' ? decision.change : null;
}

/** The cancel that a child gets from its parent as that stands; `null` for none. */
export function cancelRequestOf(
  parent: ExecutionRow,
  child: ExecutionRow,
  force: boolean,
  limits: CancelLimits,
  now: number,
): Cancel | null {
  const link = child.parent;
  if (!link || link.onParentCancel === 'abandon') return null;
  const { state, cancellation } = parent;
  if (cancellation && (state === 'CANCELLING' || state === 'CANCELLED')) {
    if (link.shielded && !isLeftBehind(link, parent)) return null;
    const { requestedBy, reason, spareMs } = cancellation;
    const own = child.gracePeriodMs ?? limits.gracePeriodMs;
    const request = { requestedBy, reason, cause: 'parent' as const, force };
    if (!isAwaited(link)) return { ...request, gracePeriodMs: own };
    const remainingMs = timeBelow(cancellation, now);
    const gracePeriodMs = Math.min(own, childGraceMs(remainingMs, spareMs));
    const latestAt = lastMoment(cancellation);
    return { ...request, gracePeriodMs, spareMs: childSpareMs(remainingMs, spareMs), latestAt };
  }
  // A call ends with its parent; what was only started goes on.
  if (!isTerminal(state) || !link.called) return null;
  const reason = state === 'FAILED' ? 'its parent failed' : 'its parent ended without waiting for it';
  return { requestedBy: FLUX, reason, cause: 'parent', force: false, gracePeriodMs: undefined };
}

/**
 * The time of a cancel that its children share. It ends with the parent's own, so that a tree ends in time; but a child
 * that is told late, since something was away, has half of the parent's whole time all the same.
 */
function timeBelow(cancellation: Cancellation, now: number): number {
  const graceMs = graceOf(cancellation);
  const leftMs = cancellation.deadlineAt - now;
  if (graceMs === undefined) return leftMs;
  const lateMs = Math.min(graceMs / 2, lastMoment(cancellation) - now);
  return Math.max(Math.min(graceMs, leftMs), lateMs);
}

/** A call in a shield is out of the cancel's reach until the shield itself is cut off. */
function isLeftBehind({ called }: ParentLink, { state, cancellation }: ExecutionRow): boolean {
  const cutOff = cancellation?.cleanup === 'timed_out' || cancellation?.cleanup === 'not_run';
  return called && state === 'CANCELLED' && cutOff;
}
