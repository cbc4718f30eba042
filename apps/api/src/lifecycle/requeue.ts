import { lastCallMs } from '@flux/domain';
import { waitingMessages } from './messages.js';
import type { Change } from './change.js';
import type { ExecutionRow } from './execution.js';
import { withoutOwner } from './timing.js';
import { childrenOf } from './children.js';

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
    return { row: waiting, outbox: waitingMessages(waiting) };
  }
  const { requestedAt, deadlineAt, spareMs } = cancellation;
  const nextDispatchAt = requestedAt + lastCallMs(deadlineAt - requestedAt, spareMs);
  return { row: { ...waiting, nextDispatchAt }, outbox: [] };
}
