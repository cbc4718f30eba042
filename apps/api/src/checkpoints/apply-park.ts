import type { CheckpointEvent } from '@flux/contracts';
import { transition } from '@flux/domain';
import { dispatched } from '../executions/children/dispatch.js';
import { childrenOf } from '../executions/children/family.js';
import { factsOf, type ExecutionRow, type NewEvent, type Parked } from '../executions/execution-row.js';
import { resume } from '../executions/parking/decide-resume.js';
import {
  parkedRow,
  parkingOf,
  pausedIfAsked,
  rescheduled,
  withParking,
} from '../executions/parking/parked-row.js';
import { isoTime } from './apply-event.js';
import type { Progress } from './end-cancelled.js';

type ParkedEvent = Extract<CheckpointEvent, { type: 'parked' }>;

/** Whoever's clock is behind must not have an execution parked and woken in a tight circle. */
const SHORTEST_SLEEP_MS = 1_000;
/** The last moment a Date can tell. */
const LAST_TIME = 8.64e15;

/**
 * The owner has given its place back and dropped the execution, whatever has happened here meanwhile: a cancel needs
 * another owner for its cleanup, a kept resume goes on at once, a pause that was asked for takes effect.
 */
export function applyPark(progress: Progress, event: ParkedEvent, now: number): Progress | undefined {
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
  const change = {
    ...progress,
    row: parkedRow(row, state, parked),
    events: [...progress.events, parkedEvent(row, parked, now)],
  };
  // The word of an end was on its way: it is on record, and a replay finds it there.
  if (kind !== 'request' && awaitsChild && childrenOf(row).finished > childrenHeard) {
    return pausedIfAsked(again(change, now), asked, now);
  }
  if (sleeps) return pausedIfAsked(change, asked, now);
  if (kind === 'request') return asked ? change : resumeNow(change, 'flux', null, now);
  const [first, ...kept] = parkingOf(row).kept;
  // Without a kept resume the pause is one, whoever else asked for it.
  if (!first) return change;
  const taken = { ...change, row: withParking(change.row, { kept }) };
  return pausedIfAsked(resumeNow(taken, first.requestedBy, first.value, now), asked, now);
}

function parkedEvent(row: ExecutionRow, { kind, callId, name, dueAt }: Parked, now: number): NewEvent {
  const facts = { at: now, attempt: row.attempt };
  if (kind === 'pause' || kind === 'request')
    return { ...facts, type: 'execution_paused', data: { kind, callId, name } };
  const due = dueAt === null ? null : isoTime(dueAt);
  const data = { callId, dueAt: due, ...(kind === 'child' ? { for: kind } : {}) };
  return { ...facts, type: 'execution_sleeping', data };
}

function again(change: Progress, now: number): Progress {
  const { row, outbox } = rescheduled(change.row, now);
  const woken: NewEvent = { type: 'execution_woken', at: now, attempt: row.attempt, data: {} };
  return { ...change, row, events: [...change.events, woken], outbox: [...change.outbox, ...outbox] };
}

function resumeNow(change: Progress, requestedBy: string, value: unknown, now: number): Progress {
  const { row, events, outbox } = resume(change.row, { requestedBy, value }, now);
  return { ...change, row, events: [...change.events, ...events], outbox: [...change.outbox, ...outbox] };
}

/** The cancel came between: the signal did not reach the body, so any worker may run it up to here and throw there. */
function runToCancel(progress: Progress, now: number): Progress {
  const { row } = progress;
  const cancellation = row.cancellation && { ...row.cancellation, deliveredAt: null };
  const next = dispatched({ ...row, cancellation }, now);
  return { ...progress, row: next.row, outbox: [...progress.outbox, ...next.outbox] };
}
