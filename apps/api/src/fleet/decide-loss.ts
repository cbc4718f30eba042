import { transition } from '@flux/domain';
import { urgentMessages } from '../dispatch/outbox.js';
import { dispatched } from '../executions/children/dispatch.js';
import { factsOf, type Change, type ExecutionRow, type NewEvent } from '../executions/execution-row.js';
import { orphaned } from '../executions/schedule.js';
import { parkingOf, pausedIfAsked } from '../executions/parking/parked-row.js';

/** An execution whose owner holds it no more. */
export interface Orphan {
  readonly executionId: string;
  readonly workerId: string;
  /** The attempt that was lost; absent: whichever that worker owns. */
  readonly attempt?: number;
  /** The claim that was lost; absent: whichever. */
  readonly claimId?: string;
  /** `stopped`: it went in good order; `cut_off`: it is here, and has stopped the execution by itself. */
  readonly workerState: 'lost' | 'stopped' | 'cut_off';
  /** It was lost because its lease ran out, and may be there all the same: frozen, and a consumer still. */
  readonly isSilent?: boolean;
}

const REASONS = { stopped: 'drain', cut_off: 'cut_off' } as const;

/** Takes an execution back from an owner that is gone, for another one. Pure; nothing if it owns it no more. */
export function decideLoss(row: ExecutionRow | undefined, orphan: Orphan, now: number): Change | null {
  if (row?.workerId !== orphan.workerId) return null;
  if (orphan.attempt !== undefined && orphan.attempt !== row.attempt) return null;
  if (orphan.claimId !== undefined && orphan.claimId !== row.claimId) return null;
  const { workerId, workerState, isSilent = false } = orphan;
  const lost = workerState === 'lost';
  const move = transition(row.state, lost ? 'lose_owner' : 'hand_back', factsOf(row));
  if (move.kind === 'refuse') return null;
  const event: NewEvent = {
    ...(lost
      ? { type: 'worker_lost', data: { workerId } }
      : { type: 'execution_handed_back', data: { reason: REASONS[workerState], workerId } }),
    at: now,
    attempt: row.attempt,
  };
  const sent = dispatched({ ...row, state: move.to }, now);
  const isOrphan = lost && sent.outbox.length > 0;
  const waiting = isOrphan ? orphaned(sent.row, now) : sent.row;
  const outbox = isOrphan && isSilent ? urgentMessages(sent.row) : sent.outbox;
  const change = { row: waiting, outbox, events: [event] };
  return pausedIfAsked(change, parkingOf(row).pauseAsked, now);
}
