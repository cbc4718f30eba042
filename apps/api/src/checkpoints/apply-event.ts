import type { ErrorInfo, FinishedEvent } from '@flux/contracts';
import { transition, type Trigger } from '@flux/domain';
import { dispatched } from '../executions/children/dispatch.js';
import { held, waitsForChildren } from '../executions/children/hold.js';
import { factsOf, type Cancellation } from '../executions/execution-row.js';
import { parkingOf, pausedIfAsked } from '../executions/parking/parked-row.js';
import { nextResend } from '../executions/schedule.js';
import { clampTime, endCancelled, stopTimes, type Progress } from './end-cancelled.js';

/** The last moment a Date can tell. */
const LAST_TIME = 8.64e15;

/** The ISO time of a worker's clock, whatever it says. */
export function isoTime(time: number): string {
  return new Date(Math.min(Math.max(time, -LAST_TIME), LAST_TIME)).toISOString();
}

/** The signal reached the owner. Only the first delivery counts for the times. */
export function applyDelivery(
  progress: Progress,
  event: { readonly at: number },
  workerId: string,
  now: number,
): Progress | undefined {
  const { row } = progress;
  const move = transition(row.state, 'deliver', factsOf(row));
  // One that crossed the owner's loss or hand-back of an execution nobody cancels says nothing.
  if (move.kind === 'refuse' || !row.cancellation) return undefined;
  const at = clampTime(event.at, row.cancellation.requestedAt, now);
  const data = { workerId, deliveredAt: isoTime(at) };
  return {
    ...progress,
    row: {
      ...row,
      state: move.to,
      cancellation: { ...row.cancellation, deliveredAt: row.cancellation.deliveredAt ?? at },
      // Heard, so not sent again unless its deadline passes without an end.
      nextDispatchAt: nextResend(true, Math.max(now, row.cancellation.deadlineAt), 0),
      dispatchCount: 0,
    },
    events: [...progress.events, { type: 'cancel_delivered', at: now, attempt: row.attempt, data }],
  };
}

const END_TRIGGERS = { completed: 'complete', failed: 'fail', cancelled: 'stop' } as const satisfies Record<
  FinishedEvent['outcome'],
  Trigger
>;

/** The body ended. */
export function applyFinish(progress: Progress, event: FinishedEvent, now: number): Progress | undefined {
  const { row } = progress;
  const move = transition(row.state, END_TRIGGERS[event.outcome], factsOf(row, event.signalled));
  if (move.kind === 'refuse') return undefined;
  const finished = { ...row, state: move.to, finishedAt: now, nextDispatchAt: null, parking: null };
  if (move.to === 'CANCELLED' && row.cancellation) {
    if (waitsForChildren(row, event, now)) {
      return { ...progress, row: held(finished, stopTimes(row.cancellation, event, now), event) };
    }
    return endCancelled({ ...progress, row: finished }, row.cancellation, event, now);
  }
  const error: ErrorInfo = event.error ?? { name: 'Error', message: 'the workflow failed without an error' };
  const cancellation = row.cancellation && overtaken(row.cancellation, now);
  const [type, ended, result] =
    move.to === 'COMPLETED'
      ? (['execution_completed', completedData(event), { output: event.output }] as const)
      : (['execution_failed', { error }, { error }] as const);
  const at = cancellation?.finalizedAt ?? now;
  const data = { ...ended, ...(cancellation && { outcome: cancellation.outcome }) };
  return {
    ...progress,
    row: { ...finished, finishedAt: at, cancellation },
    events: [...progress.events, { type, at, attempt: row.attempt, data }],
    result,
  };
}

function completedData({ output, outputTypes }: FinishedEvent): Readonly<Record<string, unknown>> {
  return { output: output ?? null, ...(outputTypes && { outputTypes }) };
}

/** The body had ended before the signal reached it: nothing was stopped. */
function overtaken(cancellation: Cancellation, now: number): Cancellation {
  const finalizedAt = Math.max(now, cancellation.requestedAt);
  return { ...cancellation, finalizedAt, cleanup: 'none', outcome: 'already_completed' };
}

/** The owner gives it back: another worker runs it, or runs its cleanup. */
export function applyHandBack(
  progress: Progress,
  reason: 'drain' | 'runner_lost',
  workerId: string,
  now: number,
): Progress | undefined {
  const { row } = progress;
  const move = transition(row.state, 'hand_back', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  const next = dispatched({ ...row, state: move.to }, now);
  const change = {
    ...progress,
    row: next.row,
    events: [
      ...progress.events,
      { type: 'execution_handed_back' as const, at: now, attempt: row.attempt, data: { reason, workerId } },
    ],
    outbox: [...progress.outbox, ...next.outbox],
  };
  return pausedIfAsked(change, parkingOf(row).pauseAsked, now);
}
