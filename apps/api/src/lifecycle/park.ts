import type { CheckpointEvent } from '@flux/contracts';
import { isPast, transition } from '@flux/domain';
import { followed, type Change, type NewEvent } from './change.js';
import { childrenOf } from './children.js';
import { factsOf, type ExecutionRow, type KeptResume, type Parked } from './execution.js';
import { resume, takeKept } from './pause.js';
import { dispatched } from './requeue.js';
import { isoTime, LAST_TIME, wakeAt } from './timing.js';
import { parkedRow, parkingOf, pausedIfAsked, rescheduled, withParking } from './waiting.js';

type ParkedEvent = Extract<CheckpointEvent, { type: 'parked' }>;

/** A clock that is behind must not have an execution parked and woken in a tight circle. */
const SHORTEST_SLEEP_MS = 1_000;

/**
 * The owner has given its place back and dropped the execution, whatever has happened here meanwhile: a cancel needs
 * another owner for its cleanup, a kept resume goes on at once, a pause that was asked for takes effect.
 */
export function applyPark(progress: Change, event: ParkedEvent, now: number): Change | undefined {
  const { row } = progress;
  const sleeps = event.kind === 'sleep' || event.kind === 'child';
  const move = transition(row.state, sleeps ? 'sleep' : 'pause', factsOf(row));
  if (move.kind === 'refuse') return move.reason === 'CANCELLING' ? runToCancel(progress, now) : undefined;
  const asked = parkingOf(row).pauseAsked;
  const { kind, callId, name, childrenHeard } = event;
  const dueAt =
    event.dueAt === null ? null : Math.min(Math.max(event.dueAt, now + SHORTEST_SLEEP_MS), LAST_TIME);
  const awaitsChild = childrenHeard !== undefined;
  const parked: Parked = { kind, callId, name, dueAt, ...(awaitsChild ? { awaitsChild } : {}) };
  const state = sleeps ? 'SLEEPING' : 'PAUSED';
  const change = followed(progress, {
    row: parkedRow(row, state, parked),
    events: [parkedEvent(row, parked, now)],
  });
  // The word of an end was on its way: it is on record, and a replay finds it there.
  if (kind !== 'request' && awaitsChild && childrenOf(row).finished > childrenHeard) {
    return pausedIfAsked(followed(change, woken(change.row, now)), asked, now);
  }
  if (sleeps) return pausedIfAsked(change, asked, now);
  const resumed = (row: ExecutionRow, wish: KeptResume) => followed(change, resume(row, wish, now));
  if (kind === 'request') {
    return asked ? change : resumed(change.row, { requestedBy: 'flux', value: null });
  }
  const { taken, kept } = takeKept(parkingOf(row).kept, event);
  // A pause without a kept resume holds, whoever else asked for it.
  if (!taken) return change;
  return pausedIfAsked(resumed(withParking(change.row, { kept }), taken), asked, now);
}

function parkedEvent(row: ExecutionRow, { kind, callId, name, dueAt }: Parked, now: number): NewEvent {
  const facts = { at: now, attempt: row.attempt };
  if (kind === 'pause' || kind === 'request')
    return { ...facts, type: 'execution_paused', data: { kind, callId, name } };
  const due = dueAt === null ? null : isoTime(dueAt);
  const data = { callId, dueAt: due, ...(kind === 'child' ? { for: kind } : {}) };
  return { ...facts, type: 'execution_sleeping', data };
}

function woken(row: ExecutionRow, now: number): Change {
  const event: NewEvent = { type: 'execution_woken', at: now, attempt: row.attempt, data: {} };
  return { ...rescheduled(row, now), events: [event] };
}

/** The cancel came between: the signal did not reach the body, so any worker may run it up to here and throw there. */
function runToCancel(progress: Change, now: number): Change {
  const { row } = progress;
  const cancellation = row.cancellation && { ...row.cancellation, deliveredAt: null };
  return followed(progress, dispatched({ ...row, cancellation }, now));
}

/** Ends a sleep that is due, or a pause beside which one is; nothing before. Pure. */
export function decideWake(row: ExecutionRow, now: number): Change | null {
  const move = transition(row.state, 'wake', factsOf(row));
  const dueAt = wakeAt(row);
  if (move.kind === 'refuse' || dueAt === null || !isPast(dueAt, now)) return null;
  return woken(row, now);
}
