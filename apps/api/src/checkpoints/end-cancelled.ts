import type { FinishedEvent } from '@flux/contracts';
import { cancelledEvent, type EndedCancellation } from '../executions/cancel/cancelled-event.js';
import type { Cancellation, Change } from '../executions/execution-row.js';

/** What the events of a checkpoint have done so far. */
export type Progress = Change;

/** A time told by a worker, moved between what must come before it and now: clocks differ. */
export function clampTime(time: number, notBefore: number, now: number): number {
  return Math.max(notBefore, Math.min(Math.round(time), now));
}

/** The cancel of a body that has ended because of it, with when its code stopped. */
export function stopTimes(cancellation: Cancellation, event: FinishedEvent, now: number): Cancellation {
  const stoppedAt =
    cancellation.stoppedAt ?? clampTime(event.at, cancellation.deliveredAt ?? cancellation.requestedAt, now);
  // A body that ended because of the signal had it, even if the word of that was lost.
  return { ...cancellation, deliveredAt: cancellation.deliveredAt ?? stoppedAt, stoppedAt };
}

/** Makes an execution CANCELLED whose body has ended; its row is terminal already. */
export function endCancelled(
  progress: Progress,
  cancellation: Cancellation,
  event: FinishedEvent,
  now: number,
): Progress {
  const { row } = progress;
  const stopped = stopTimes(cancellation, event, now);
  const ended: EndedCancellation = {
    ...stopped,
    finalizedAt: Math.max(now, stopped.stoppedAt ?? now),
    forced: event.forced,
    cleanup: event.cleanup ?? 'none',
    outcome: 'cancelled',
    ...(event.cleanupError ? { cleanupError: event.cleanupError } : {}),
    ...(event.outcome === 'completed' ? { bodyOutput: event.output ?? null } : {}),
    ...(event.outcome === 'failed' ? { bodyError: event.error } : {}),
  };
  return {
    ...progress,
    row: { ...row, finishedAt: ended.finalizedAt, cancellation: ended },
    events: [...progress.events, cancelledEvent(row, ended)],
  };
}
