import { transition } from '@flux/domain';
import { factsOf, type Change, type ExecutionRow, type NewEvent } from '../execution-row.js';
import { pauseMessages } from '../notices.js';
import { nextResend } from '../schedule.js';
import { parkingOf, pausedIfAsked, withParking } from './parked-row.js';
import { refusalOf, type ParkingRefusal } from './refusal.js';

/** A wish that an execution pauses. */
export interface PauseWish {
  readonly requestedBy: string;
  readonly reason: string | null;
}

export type PauseDecision<Row extends ExecutionRow> =
  /** Without a change it is paused, or has been asked to be, already. */
  { readonly kind: 'accepted'; readonly change: Change<Row> | null } | ParkingRefusal;

/** What a request to pause does to an execution in any state. Pure. */
export function decidePause<Row extends ExecutionRow>(
  row: Row,
  wish: PauseWish,
  now: number,
): PauseDecision<Row> {
  const move = transition(row.state, 'request_pause', factsOf(row));
  if (move.kind === 'refuse') return refusalOf(row.state);
  if (row.state === 'PAUSED' || parkingOf(row).pauseAsked) return { kind: 'accepted', change: null };
  const asked: NewEvent = {
    type: 'pause_requested',
    at: now,
    attempt: row.attempt,
    data: { requestedBy: wish.requestedBy, reason: wish.reason },
  };
  const change = { row, events: [asked], outbox: [] };
  if (row.state !== 'RUNNING') return { kind: 'accepted', change: pausedIfAsked(change, true, now) };
  const waiting = { ...row, nextDispatchAt: nextResend(true, now, 0), dispatchCount: 0 };
  const next = withParking(waiting, { pauseAsked: true });
  return { kind: 'accepted', change: { ...change, row: next, outbox: pauseMessages(next) } };
}
