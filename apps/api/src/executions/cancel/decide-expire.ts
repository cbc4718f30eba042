import { isPast, transition } from '@flux/domain';
import { factsOf, type Change, type ExecutionRow } from '../execution-row.js';
import { cancelledEvent } from './cancelled-event.js';

/** Ends a cancel that no worker took up by its deadline: its cleanup cannot run. Pure. */
export function decideExpire<Row extends ExecutionRow>(row: Row, now: number): Change<Row> | null {
  const move = transition(row.state, 'expire', factsOf(row));
  const { cancellation } = row;
  if (move.kind === 'refuse' || !cancellation || !isPast(cancellation.deadlineAt, now)) return null;
  const ended = { ...cancellation, finalizedAt: now, cleanup: 'not_run', outcome: 'cancelled' } as const;
  return {
    row: { ...row, state: move.to, finishedAt: now, nextDispatchAt: null, cancellation: ended },
    events: [cancelledEvent(row, ended)],
    outbox: [],
  };
}
