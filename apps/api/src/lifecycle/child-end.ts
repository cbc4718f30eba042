import type { ChildFinished, ChildOutcome } from '@flux/contracts';
import { transition } from '@flux/domain';
import { followed, type Change, type NewEvent } from './change.js';
import { childrenOf, isAwaited, withChildren } from './children.js';
import { factsOf, type ExecutionRow, type ParentLink } from './execution.js';
import { endAfterChildren } from './finish.js';
import { childEndOf, childMessages, type EndedChild } from './messages.js';
import { afterChildren, dispatched } from './requeue.js';
import { rescheduled } from './waiting.js';

/**
 * Records the end of a child with its parent: an owner is told, a parent that waits for it is replayed, and a cancel
 * that waited for it alone goes on. Pure; nothing for a parent that has ended itself.
 */
export function decideChildEnd(row: ExecutionRow, child: EndedChild, now: number): Change | null {
  const link = child.parent;
  const move = transition(row.state, 'finish_child', factsOf(row));
  if (move.kind === 'refuse' || !link) return null;
  const { open, awaited, finished } = childrenOf(row);
  const next = withChildren(row, {
    open: open - 1,
    awaited: awaited - (isAwaited(link) ? 1 : 0),
    finished: finished + 1,
  });
  const end = childEndOf(child);
  const entry: ChildFinished = {
    type: 'child_finished',
    callId: link.callId,
    name: link.name,
    number: finished + 1,
    end,
    at: now,
  };
  const change = {
    row: next,
    events: [recorded(row, child, entry, end)],
    outbox: childMessages(next, entry),
  };
  if (move.to === 'SCHEDULED' && row.state !== 'SCHEDULED') return woken(change, link, now);
  return move.to === 'CANCELLING' && isAwaited(link) && childrenOf(next).awaited === 0
    ? lastOne(change, now)
    : change;
}

function recorded(
  row: ExecutionRow,
  { id: executionId, workflowName }: EndedChild,
  { callId, name, number, at }: ChildFinished,
  end: ChildOutcome,
): NewEvent {
  const data = { callId, name, executionId, workflowName, number, ...end };
  return { type: 'child_finished', at, attempt: row.attempt, data };
}

function woken(change: Change, { callId }: ParentLink, now: number): Change {
  const { row } = change;
  const next = rescheduled(row, now);
  const event: NewEvent = { type: 'execution_woken', at: now, attempt: row.attempt, data: { callId } };
  return followed(change, { ...next, events: [event] });
}

/** No child is left that the cancel waits for: it ends if its body has, and else finds a worker for its cleanup. */
function lastOne(change: Change, now: number): Change {
  const ended = endAfterChildren(change.row, now);
  if (ended) return { ...ended, events: [...change.events, ...ended.events] };
  if (change.row.workerId !== null) return change;
  const { cancellation } = change.row;
  const next = { ...change.row, cancellation: cancellation && afterChildren(cancellation, now) };
  return { ...change, ...dispatched(next, now) };
}
