import { lastCallMs } from '@flux/domain';
import { waitingMessages } from './messages.js';
import type { Change } from './change.js';
import type { Cancellation, ExecutionRow } from './execution.js';
import { lastMoment, withoutOwner } from './timing.js';
import { childrenOf } from './children.js';

/** Children whose workers are there have ended by the end of the parent's grace period and the time to kill them. */
const IN_TIME_MS = 1_000;

/**
 * The row as it waits for its next owner, and the message that finds it one. A cancelled execution that waits for its
 * children is not dispatched before they have ended, since its cleanup comes after theirs and it would take a place
 * that they may need; the sweeper dispatches it at the last moment for that. Pure.
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
  return { row: { ...waiting, nextDispatchAt: lastCallAt(cancellation) }, outbox: [] };
}

/** Until when a body that nobody runs waits for its children: those whose workers are there have ended by then. */
function lastCallAt(cancellation: Cancellation): number {
  const { requestedAt, graceMs } = cancellation;
  const latest = lastMoment(cancellation) - shareOf(cancellation);
  return graceMs === undefined ? latest : Math.min(latest, requestedAt + graceMs + IN_TIME_MS / 2);
}

/** The part of the grace period that children leave to the body in any case. */
function shareOf({ graceMs = 0, spareMs }: Cancellation): number {
  return graceMs - lastCallMs(graceMs, spareMs);
}

/**
 * A cancel whose children have ended, or are waited for no longer: its body has what they left of the grace period, so that a tree ends in
 * time; the whole of it where something was away meanwhile.
 */
export function afterChildren(cancellation: Cancellation, now: number): Cancellation {
  const { requestedAt, graceMs } = cancellation;
  if (graceMs === undefined) return cancellation;
  const leftMs = requestedAt + graceMs - now;
  const isInTime = leftMs > -IN_TIME_MS;
  return {
    ...cancellation,
    bodyMs: isInTime ? Math.min(graceMs, Math.max(leftMs, shareOf(cancellation))) : graceMs,
  };
}
