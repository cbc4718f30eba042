import type { ErrorInfo, HistoryEvent, FinishedEvent } from '@flux/contracts';
import { isPast, transition, type Cleanup, type Trigger } from '@flux/domain';
import type { Change, NewEvent } from './change.js';
import { childrenOf, withChildren } from './children.js';
import { factsOf, type Cancellation, type ExecutionRow } from './execution.js';
import { expiresAt, heard, isoOrNull, isoTime, lastMoment, nextResend } from './timing.js';

/** The signal reached the body: its grace period begins. */
export function applyDelivery(
  progress: Change,
  event: { readonly at: number },
  workerId: string,
  now: number,
): Change | undefined {
  const { row } = progress;
  const move = transition(row.state, 'deliver', factsOf(row));
  // A delivery that crossed the owner's loss or hand-back of an execution nobody cancels says nothing.
  if (move.kind === 'refuse' || !row.cancellation) return undefined;
  const at = clampTime(event.at, row.cancellation.requestedAt, now);
  const cancellation = heard(row.cancellation, at);
  const { deadlineAt } = cancellation;
  const data = { workerId, deliveredAt: isoTime(at), deadlineAt: isoTime(deadlineAt) };
  return {
    ...progress,
    row: {
      ...row,
      state: move.to,
      cancellation,
      // Heard, so not sent again unless its deadline passes without an end.
      nextDispatchAt: nextResend(true, Math.max(now, deadlineAt), 0),
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
export function applyFinish(progress: Change, event: FinishedEvent, now: number): Change | undefined {
  const { row } = progress;
  const move = transition(row.state, END_TRIGGERS[event.outcome], factsOf(row, event.signalled));
  if (move.kind === 'refuse') return undefined;
  const finished = { ...row, state: move.to, finishedAt: now, nextDispatchAt: null, parking: null };
  if (move.to === 'CANCELLED' && row.cancellation) {
    if (awaitsChildren(row, event, now)) {
      return { ...progress, row: withEndedBody(finished, stopTimes(row.cancellation, event, now), event) };
    }
    return endCancelled({ ...progress, row: finished }, row.cancellation, event, now);
  }
  const error: ErrorInfo = event.error ?? { name: 'Error', message: 'the workflow failed without an error' };
  const cancellation = row.cancellation && overtaken(row.cancellation, now);
  const { output, outputTypes } = event;
  const outcome = cancellation && { outcome: cancellation.outcome };
  const ended: HistoryEvent<'execution_completed' | 'execution_failed'> =
    move.to === 'COMPLETED'
      ? {
          type: 'execution_completed',
          data: { output: output ?? null, ...(outputTypes && { outputTypes }), ...outcome },
        }
      : { type: 'execution_failed', data: { error, ...outcome } };
  const at = cancellation?.finalizedAt ?? now;
  return {
    ...progress,
    row: { ...finished, finishedAt: at, cancellation },
    events: [...progress.events, { ...ended, at, attempt: row.attempt }],
    result: move.to === 'COMPLETED' ? { output } : { error },
  };
}

/** The body had ended before the signal reached it: nothing was stopped. */
function overtaken(cancellation: Cancellation, now: number) {
  const finalizedAt = Math.max(now, cancellation.requestedAt);
  return { ...cancellation, finalizedAt, cleanup: 'none', outcome: 'already_completed' } as const;
}

/** A time told by a worker, moved between what must come before it and now: clocks differ. */
function clampTime(time: number, notBefore: number, now: number): number {
  return Math.max(notBefore, Math.min(Math.round(time), now));
}

/** The cancel of a body that has ended because of it, with when its code stopped. */
function stopTimes(cancellation: Cancellation, event: FinishedEvent, now: number): Cancellation {
  const stoppedAt =
    cancellation.stoppedAt ?? clampTime(event.at, cancellation.deliveredAt ?? cancellation.requestedAt, now);
  // A body that ended because of the signal had it, even if the word of that was lost.
  return { ...cancellation, deliveredAt: cancellation.deliveredAt ?? stoppedAt, stoppedAt };
}

/** Makes an execution CANCELLED whose body has ended; its row is terminal already. */
function endCancelled(
  progress: Change,
  cancellation: Cancellation,
  event: FinishedEvent,
  now: number,
): Change {
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

/** A cancel whose end is known. */
export type EndedCancellation = Cancellation & { readonly finalizedAt: number; readonly cleanup: Cleanup };

/** The event that ends a cancelled execution. It is made from the cancellation, so that both say the same. */
export function cancelledEvent(row: ExecutionRow, cancellation: EndedCancellation): NewEvent {
  const { cleanup, forced, cleanupError, deliveredAt, stoppedAt, finalizedAt } = cancellation;
  return {
    type: 'execution_cancelled',
    at: finalizedAt,
    attempt: row.attempt,
    data: {
      cleanup,
      forced,
      cleanupError: cleanupError ?? null,
      deliveredAt: isoOrNull(deliveredAt),
      stoppedAt: isoOrNull(stoppedAt),
    },
  };
}

/**
 * Ends a cancel that no worker took up by its last moment, or whose owner was told to stop: its cleanup cannot run, or not
 * to its end. Pure.
 */
export function decideExpire<Row extends ExecutionRow>(row: Row, now: number): Change<Row> | null {
  const move = transition(row.state, 'expire', factsOf(row));
  const { cancellation } = row;
  if (move.kind === 'refuse' || !cancellation || !isPast(expiresAt(cancellation), now)) return null;
  const cleanup = isCutOff(cancellation) ? 'timed_out' : 'not_run';
  const ended = { ...cancellation, finalizedAt: now, cleanup, outcome: 'cancelled' } as const;
  return {
    row: { ...row, state: move.to, finishedAt: now, nextDispatchAt: null, cancellation: ended },
    events: [cancelledEvent(row, ended)],
    outbox: [],
  };
}

/** Whether a body had begun its cleanup, and nobody who took it over came to its end. */
function isCutOff({ deliveredAt, graceMs, fencedAt }: Cancellation): boolean {
  return deliveredAt !== null && graceMs !== undefined && fencedAt === undefined;
}

/** Whether a cancelled execution whose body has ended waits for children before it is final. */
function awaitsChildren(row: ExecutionRow, event: FinishedEvent, now: number): boolean {
  const { cancellation } = row;
  const isLate = !cancellation || isPast(lastMoment(cancellation), now);
  return childrenOf(row).awaited > 0 && !event.forced && !isLate;
}

/**
 * The row of a body that has ended under a cancel: nobody runs it any more, and it is CANCELLING until they end.
 * @param cancellation with when it stopped
 */
function withEndedBody(row: ExecutionRow, cancellation: Cancellation, event: FinishedEvent): ExecutionRow {
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
    { endedBody: { event, workerId: row.workerId } },
  );
}

/** Ends what was held: its children have ended, or its time is up. Pure; nothing for what is not held. */
export function endAfterChildren(row: ExecutionRow, now: number): Change | null {
  const { endedBody: held } = childrenOf(row);
  const move = transition(row.state, 'stop', factsOf(row));
  if (!held || !row.cancellation || move.kind === 'refuse') return null;
  const { event, workerId } = held;
  const ended = withChildren({ ...row, state: move.to, workerId, finishedAt: now }, { endedBody: null });
  return endCancelled({ row: ended, events: [], outbox: [] }, row.cancellation, event, now);
}

/** Ends what was held until its last moment, and not before. Pure. */
export function decideDueAfterChildren(row: ExecutionRow, now: number): Change | null {
  const isDue = !row.cancellation || isPast(lastMoment(row.cancellation), now);
  return isDue ? endAfterChildren(row, now) : null;
}
