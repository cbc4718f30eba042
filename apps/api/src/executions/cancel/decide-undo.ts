import { transition, type ExecutionState } from '@flux/domain';
import { runMessage } from '../../dispatch/outbox.js';
import { factsOf, type Change, type ExecutionRow } from '../execution-row.js';
import { withParking } from '../parking/parked-row.js';
import { nextResend } from '../schedule.js';

/** A wish to take a cancel back. */
export interface UndoWish {
  readonly requestedBy: string;
  readonly reason: string | null;
}

export type UndoDecision<Row extends ExecutionRow> =
  /** No signal of that cancel will reach the body. */
  | { readonly kind: 'undone'; readonly change: Change<Row> }
  /** No cancel is under way or waits. */
  | { readonly kind: 'not_cancelling'; readonly state: ExecutionState }
  /** It has been signalled, or is over. */
  | { readonly kind: 'delivered'; readonly state: ExecutionState }
  /** Nobody asked for it: its timeout or its parent's cancel made it. */
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
    return {
      kind: 'undone',
      change: { row: withParking(row, { delayedCancel: null }), events, outbox: [] },
    };
  }
  if (cancellation.cause !== 'request' && cancellation.cause !== 'bulk') return { kind: 'not_asked', state };
  const waits = move.to === 'SCHEDULED';
  return {
    kind: 'undone',
    change: {
      row: {
        ...row,
        state: move.to,
        cancellation: null,
        // A sleep that fell due meanwhile is due now, and the sweeper wakes it.
        parking: cancellation.before?.parking ?? null,
        nextDispatchAt: waits ? nextResend(false, now, 0) : null,
        dispatchCount: 0,
      },
      events,
      outbox: waits ? [runMessage(row)] : [],
    },
  };
}
