import { transition } from '@flux/domain';
import { runMessage } from '../dispatch/outbox.js';
import { factsOf, type Change, type ExecutionRow, type NewEvent } from '../executions/execution-row.js';
import { parkingOf, pausedIfAsked } from '../executions/parking/parked-row.js';
import { withoutOwner } from '../executions/schedule.js';

/** An execution whose owner holds it no more. */
export interface Orphan {
  readonly executionId: string;
  readonly workerId: string;
  /** The attempt that was lost; absent: whichever that worker owns. */
  readonly attempt?: number;
  /** Whether the worker went in good order. */
  readonly workerState: 'lost' | 'stopped';
}

/** Takes an execution back from an owner that is gone, for another one. Pure; nothing if it owns it no more. */
export function decideLoss(row: ExecutionRow | undefined, orphan: Orphan, now: number): Change | null {
  if (row?.workerId !== orphan.workerId) return null;
  if (orphan.attempt !== undefined && orphan.attempt !== row.attempt) return null;
  const stopped = orphan.workerState === 'stopped';
  const move = transition(row.state, stopped ? 'hand_back' : 'lose_owner', factsOf(row));
  if (move.kind === 'refuse') return null;
  const { workerId } = orphan;
  const event: NewEvent = {
    ...(stopped
      ? { type: 'execution_handed_back', data: { reason: 'drain', workerId } }
      : { type: 'worker_lost', data: { workerId } }),
    at: now,
    attempt: row.attempt,
  };
  const change = {
    row: withoutOwner({ ...row, state: move.to }, now),
    events: [event],
    outbox: [runMessage(row.id, row.workflowName)],
  };
  return pausedIfAsked(change, parkingOf(row).pauseAsked, now);
}
