import { transition, type ExecutionState } from '@flux/domain';
import { waitingMessages } from './messages.js';
import { factsOf, type ExecutionRow } from './execution.js';
import type { Cancel } from './cancel.js';
import type { Change } from './change.js';
import { withParking } from './waiting.js';
import { isCleanup, nextResend } from './timing.js';

/** A wish to take a cancel back. */
export type UndoWish = Pick<Cancel, 'requestedBy' | 'reason'>;

export type UndoDecision<Row extends ExecutionRow> =
  /** No signal of that cancel will reach the body. */
  | { readonly kind: 'undone'; readonly change: Change<Row> }
  /** No cancel is under way or waits. */
  | { readonly kind: 'not_cancelling'; readonly state: ExecutionState }
  /** The execution has been signalled, or is over. */
  | { readonly kind: 'delivered'; readonly state: ExecutionState }
  /** The cancel was asked for by nobody: a timeout or a parent's cancel made it. */
  | { readonly kind: 'not_asked'; readonly state: ExecutionState }
  | { readonly kind: 'finished'; readonly state: ExecutionState };

/** Takes a cancel back while nothing has been signalled: the execution is as it would be without it. Pure. */
export function decideUndo<Row extends ExecutionRow>(
  row: Row,
  { requestedBy, reason }: UndoWish,
  now: number,
): UndoDecision<Row> {
  const { state } = row;
  const move = transition(state, 'undo_cancel', factsOf(row));
  if (move.kind === 'refuse') {
    if (move.reason === 'NOT_CANCELLING') return { kind: 'not_cancelling', state };
    return { kind: move.reason === 'ALREADY_FINISHED' ? 'finished' : 'delivered', state };
  }
  const data = { requestedBy, reason, state: move.to };
  const events = [{ type: 'cancel_undone', at: now, attempt: row.attempt, data }] as const;
  const { cancellation } = row;
  if (!cancellation) {
    const change = { row: withParking(row, { delayedCancel: null }), events, outbox: [] };
    return { kind: 'undone', change };
  }
  if (cancellation.cause !== 'request' && cancellation.cause !== 'bulk') return { kind: 'not_asked', state };
  const waits = move.to === 'SCHEDULED';
  const back = {
    ...row,
    state: move.to,
    cancellation: null,
    // A sleep that fell due meanwhile is due now, and the sweeper wakes it.
    parking: cancellation.before?.parking ?? null,
    dispatchCount: 0,
  };
  const nextDispatchAt = waits ? nextResend(isCleanup(back), now, 0) : null;
  const change = { row: { ...back, nextDispatchAt }, events, outbox: waits ? waitingMessages(back) : [] };
  return { kind: 'undone', change };
}
