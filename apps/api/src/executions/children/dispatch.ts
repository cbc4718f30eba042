import { lastCallMs } from '@flux/domain';
import { runMessage } from '../../dispatch/outbox.js';
import type { Change, ExecutionRow } from '../execution-row.js';
import { withoutOwner } from '../schedule.js';
import { childrenOf } from './family.js';

/**
 * The row as it waits for its next owner, and the message that finds it one. A cancelled execution that waits for its
 * children is not dispatched before they have ended, since its cleanup comes after theirs and it would take a place
 * that they may need; the sweeper dispatches it when its time runs out. Pure.
 */
export function dispatched<Row extends ExecutionRow>(
  row: Row,
  now: number,
): Pick<Change<Row>, 'row' | 'outbox'> {
  const waiting = withoutOwner(row, now);
  const { cancellation } = row;
  if (row.state !== 'CANCELLING' || !cancellation || childrenOf(row).awaited === 0) {
    return { row: waiting, outbox: [runMessage(row)] };
  }
  const { requestedAt, deadlineAt } = cancellation;
  const nextDispatchAt = requestedAt + lastCallMs(deadlineAt - requestedAt);
  return { row: { ...waiting, nextDispatchAt }, outbox: [] };
}
