import { transition } from '@flux/domain';
import { waitingMessages } from './messages.js';
import { factsOf, type ExecutionRow, type Parked, type Parking } from './execution.js';
import type { Change } from './change.js';
import { withoutOwner } from './timing.js';

const NOTHING: Parking = { parked: null, pauseAsked: false, kept: [] };

export function parkingOf(row: ExecutionRow): Parking {
  return row.parking ?? NOTHING;
}

/** The row with what is known of its waiting changed; `null` in the column where that is nothing. */
export function withParking<Row extends ExecutionRow>(row: Row, changes: Partial<Parking>): Row {
  const parking = { ...parkingOf(row), ...changes };
  const known =
    parking.parked !== null ||
    parking.pauseAsked ||
    parking.kept.length > 0 ||
    parking.passed !== undefined ||
    Boolean(parking.delayedCancel);
  return { ...row, parking: known ? parking : null };
}

/** The row as it waits, owned by nobody and dispatched to nobody. */
export function parkedRow<Row extends ExecutionRow>(
  row: Row,
  state: 'PAUSED' | 'SLEEPING',
  parked: Parked,
): Row {
  const waiting = { ...row, state, workerId: null, claimId: null, nextDispatchAt: null, dispatchCount: 0 };
  return withParking(waiting, { parked, pauseAsked: false });
}

/** The row as it waits for its next owner, and the message that finds it one. */
export function rescheduled<Row extends ExecutionRow>(row: Row, now: number): Omit<Change<Row>, 'events'> {
  const scheduled = withParking({ ...row, state: 'SCHEDULED' as const }, { parked: null });
  const waiting = withoutOwner(scheduled, now);
  return { row: waiting, outbox: waitingMessages(waiting) };
}

/**
 * Follows a change that re-queues an execution whose owner was asked to park it: PAUSED then, since it is at rest, and
 * what would find it another owner is void. Any other change is returned as it is. Pure.
 * @param asked whether the pause was asked for before the change
 */
export function pausedIfAsked<Row extends ExecutionRow>(
  change: Change<Row>,
  asked: boolean,
  now: number,
): Change<Row> {
  const { row, events } = change;
  if (!asked || (row.state !== 'SCHEDULED' && row.state !== 'SLEEPING')) return change;
  if (transition(row.state, 'request_pause', factsOf(row)).kind === 'refuse') return change;
  const dueAt = parkingOf(row).parked?.dueAt ?? null;
  const data = { kind: 'request', callId: null, name: null } as const;
  return {
    ...change,
    row: parkedRow(row, 'PAUSED', { ...data, dueAt }),
    events: [...events, { type: 'execution_paused', at: now, attempt: row.attempt, data }],
    outbox: change.outbox.filter(({ kind }) => kind !== 'run' && kind !== 'offer'),
  };
}
