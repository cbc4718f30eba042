import type { FinishedEvent } from '@flux/contracts';
import { isPast, transition } from '@flux/domain';
import { endCancelled } from '../../checkpoints/end-cancelled.js';
import { factsOf, type Cancellation, type Change, type ExecutionRow } from '../execution-row.js';
import { childrenOf, withChildren } from './family.js';

/** Whether a cancelled execution whose body has ended waits for children before it is final. */
export function waitsForChildren(row: ExecutionRow, event: FinishedEvent, now: number): boolean {
  const deadlineAt = row.cancellation?.deadlineAt ?? now;
  return childrenOf(row).awaited > 0 && !event.forced && !isPast(deadlineAt, now);
}

/**
 * The row of a body that has ended under a cancel: nobody runs it any more, and it is CANCELLING until they end.
 * @param cancellation with when it stopped
 */
export function held(row: ExecutionRow, cancellation: Cancellation, event: FinishedEvent): ExecutionRow {
  return withChildren(
    {
      ...row,
      state: 'CANCELLING',
      finishedAt: null,
      workerId: null,
      claimId: null,
      nextDispatchAt: null,
      cancellation,
    },
    { held: { event, workerId: row.workerId } },
  );
}

/** Ends what was held: its children have ended, or its time is up. Pure; nothing for what is not held. */
export function endHeld(row: ExecutionRow, now: number): Change | null {
  const { held } = childrenOf(row);
  const move = transition(row.state, 'stop', factsOf(row));
  if (!held || !row.cancellation || move.kind === 'refuse') return null;
  const { event, workerId } = held;
  const ended = withChildren({ ...row, state: move.to, workerId, finishedAt: now }, { held: null });
  return endCancelled({ row: ended, events: [], outbox: [] }, row.cancellation, event, now);
}

/** Ends what was held until its deadline, and not before. Pure. */
export function decideHeldDue(row: ExecutionRow, now: number): Change | null {
  const { deadlineAt } = row.cancellation ?? { deadlineAt: now };
  return isPast(deadlineAt, now) ? endHeld(row, now) : null;
}
