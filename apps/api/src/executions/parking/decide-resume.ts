import { transition } from '@flux/domain';
import { factsOf, type Change, type ExecutionRow, type KeptResume, type NewEvent } from '../execution-row.js';
import { parkingOf, rescheduled, withParking } from './parked-row.js';
import { refusalOf, type ParkingRefusal } from './refusal.js';

export type ResumeDecision<Row extends ExecutionRow> =
  /** `kept`: there was nothing to resume yet; the next pause of the body takes it. */
  { readonly kind: 'accepted'; readonly change: Change<Row>; readonly kept: boolean } | ParkingRefusal;

/** What a resume does to an execution in any state. Pure. */
export function decideResume<Row extends ExecutionRow>(
  row: Row,
  wish: KeptResume,
  now: number,
): ResumeDecision<Row> {
  const move = transition(row.state, 'resume', factsOf(row));
  if (move.kind === 'refuse') return refusalOf(row.state);
  if (row.state === 'PAUSED') return { kind: 'accepted', change: resume(row, wish, now), kept: false };
  const parking = parkingOf(row);
  if (parking.pauseAsked) {
    // Its owner may still park it; it is then dispatched again at once.
    const next = withParking({ ...row, nextDispatchAt: null, dispatchCount: 0 }, { pauseAsked: false });
    return {
      kind: 'accepted',
      change: { row: next, events: [resumed(row, wish, now)], outbox: [] },
      kept: false,
    };
  }
  const { requestedBy, value } = wish;
  const kept: NewEvent = { type: 'resume_kept', at: now, attempt: row.attempt, data: { requestedBy, value } };
  const next = withParking(row, { kept: [...parking.kept, { requestedBy, value }] });
  return { kind: 'accepted', change: { row: next, events: [kept], outbox: [] }, kept: true };
}

/** PAUSED → SCHEDULED. Pure. */
export function resume<Row extends ExecutionRow>(row: Row, wish: KeptResume, now: number): Change<Row> {
  return { ...rescheduled(row, now), events: [resumed(row, wish, now)] };
}

function resumed(row: ExecutionRow, { requestedBy, value }: KeptResume, now: number): NewEvent {
  const { callId = null, name = null } = parkingOf(row).parked ?? {};
  const data = { requestedBy, callId, name, value };
  return { type: 'execution_resumed', at: now, attempt: row.attempt, data };
}
