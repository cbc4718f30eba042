import { childGraceMs, isTerminal } from '@flux/domain';
import { decideCancel, type CancelRequest } from '../cancel/decide-cancel.js';
import type { Cancellation, Change, ExecutionRow } from '../execution-row.js';
import type { ParentLink } from './family.js';

/** Who asks where no one cancelled the parent. */
const FLUX = 'flux';

/** What the cancel or the end of a parent does to a child. Pure; nothing where its policy leaves it alone. */
export function decideChildCancel(
  parent: ExecutionRow,
  child: ExecutionRow,
  force: boolean,
  defaultGraceMs: number,
  now: number,
): Change | null {
  const request = cancelRequestOf(parent, child, force, defaultGraceMs, now);
  const decision = request && decideCancel(child, request, defaultGraceMs, now);
  return decision?.kind === 'accepted' ? decision.change : null;
}

/** The cancel that a child gets from its parent as that stands; `null` for none. */
export function cancelRequestOf(
  parent: ExecutionRow,
  child: ExecutionRow,
  force: boolean,
  defaultGraceMs: number,
  now: number,
): CancelRequest | null {
  const link = child.parent;
  if (!link || link.onParentCancel === 'abandon') return null;
  const { state, cancellation } = parent;
  if (cancellation && (state === 'CANCELLING' || state === 'CANCELLED')) {
    const reached = link.shielded ? isLeftBehind(link, parent) : true;
    return reached ? handedDown(cancellation, child, link, force, defaultGraceMs, now) : null;
  }
  // A call ends with its parent; what was only started goes on.
  if (!isTerminal(state) || !link.called) return null;
  const reason = state === 'FAILED' ? 'its parent failed' : 'its parent ended without waiting for it';
  return { requestedBy: FLUX, reason, cause: 'parent', force: false, gracePeriodMs: undefined };
}

/** A call in a shield is out of the cancel's reach until the shield itself is cut off. */
function isLeftBehind({ called }: ParentLink, { state, cancellation }: ExecutionRow): boolean {
  const cutOff = cancellation?.cleanup === 'timed_out' || cancellation?.cleanup === 'not_run';
  return called && state === 'CANCELLED' && cutOff;
}

function handedDown(
  cancellation: Cancellation,
  child: ExecutionRow,
  { onParentCancel, shielded }: ParentLink,
  force: boolean,
  defaultGraceMs: number,
  now: number,
): CancelRequest {
  const { requestedBy, reason, deadlineAt } = cancellation;
  const own = child.gracePeriodMs ?? defaultGraceMs;
  const within = onParentCancel === 'wait' && !shielded;
  const gracePeriodMs = within ? Math.min(own, childGraceMs(deadlineAt - now)) : own;
  return { requestedBy, reason, cause: 'parent', force, gracePeriodMs };
}
