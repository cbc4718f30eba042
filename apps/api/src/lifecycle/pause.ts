import { isTerminal, transition, type ExecutionState } from '@flux/domain';
import type { Cancel } from './cancel.js';
import type { Change, NewEvent } from './change.js';
import { factsOf, type ExecutionRow, type Gate, type KeptResume } from './execution.js';
import { pauseMessages } from './messages.js';
import { nextResend } from './timing.js';
import { parkingOf, pausedIfAsked, rescheduled, withParking } from './waiting.js';

export type PauseDecision<Row extends ExecutionRow> =
  /** A decision without a change: the execution is paused, or has been asked to be, already. */
  { readonly kind: 'accepted'; readonly change: Change<Row> | null } | ParkingRefusal;

/** Decides what a request to pause does to an execution in any state. Pure. */
export function decidePause<Row extends ExecutionRow>(
  row: Row,
  { requestedBy, reason }: Pick<Cancel, 'requestedBy' | 'reason'>,
  now: number,
): PauseDecision<Row> {
  const move = transition(row.state, 'request_pause', factsOf(row));
  if (move.kind === 'refuse') return refusalOf(row.state);
  if (row.state === 'PAUSED' || parkingOf(row).pauseAsked) return { kind: 'accepted', change: null };
  const data = { requestedBy, reason };
  const asked: NewEvent = { type: 'pause_requested', at: now, attempt: row.attempt, data };
  const change = { row, events: [asked], outbox: [] };
  if (row.state !== 'RUNNING') return { kind: 'accepted', change: pausedIfAsked(change, true, now) };
  const waiting = { ...row, nextDispatchAt: nextResend(true, now, 0), dispatchCount: 0 };
  const next = withParking(waiting, { pauseAsked: true });
  return { kind: 'accepted', change: { ...change, row: next, outbox: pauseMessages(next) } };
}

/** A wish to resume one execution. */
export interface Resume {
  readonly requestedBy: string;
  readonly value: unknown;
  /** The name or the call of the `ctx.pause` that is meant; absent: the one that it waits in, else the next. */
  readonly pause?: string | undefined;
  /** The size of the value's JSON. */
  readonly bytes: number;
}

/** The most resumes that are kept for one execution, and the most bytes of their values. */
export const MOST_KEPT_RESUMES = 100;
export const MOST_KEPT_BYTES = 32 * 1024 * 1024;

export type ResumeDecision<Row extends ExecutionRow> =
  /** `kept`: there was nothing to resume yet; the pause that is meant takes it. */
  | { readonly kind: 'accepted'; readonly change: Change<Row>; readonly kept: boolean }
  /** `passed`: the pause that it names is over; `unnamed`: it may mean one that is; `full`: too many are kept. */
  | { readonly kind: 'passed' | 'unnamed' | 'full'; readonly state: ExecutionState }
  | ParkingRefusal;

/** Whether a resume means that pause. */
function isMeant(pause: string, { callId, name }: Gate): boolean {
  return pause === name || pause === callId;
}

/**
 * Decides what a resume does to an execution in any state. Pure.
 * @param passed the pauses that resumes have ended, as far as the resume may name one of them
 */
export function decideResume<Row extends ExecutionRow>(
  row: Row,
  wish: Resume,
  now: number,
  passed: readonly Gate[] = [],
): ResumeDecision<Row> {
  const move = transition(row.state, 'resume', factsOf(row));
  if (move.kind === 'refuse') return refusalOf(row.state);
  const { state } = row;
  const { pause } = wish;
  const parking = parkingOf(row);
  const { parked, kept } = parking;
  if (state === 'PAUSED' && (pause === undefined || (parked !== null && isMeant(pause, parked)))) {
    return { kind: 'accepted', change: resume(row, wish, now), kept: false };
  }
  const over = parking.passed ? [...passed, parking.passed] : passed;
  if (pause !== undefined && over.some((gate) => isMeant(pause, gate))) return { kind: 'passed', state };
  if (pause === undefined && parking.pauseAsked) {
    // The owner may still park the execution, which is then dispatched again at once.
    const next = withParking({ ...row, nextDispatchAt: null, dispatchCount: 0 }, { pauseAsked: false });
    const change = { row: next, events: [resumed(row, wish, now)], outbox: [] };
    return { kind: 'accepted', change, kept: false };
  }
  // The second of two clicks on one pause may come when that is over, and must not end the next one unseen.
  const isRepeat = parking.passed !== undefined || kept.some((each) => each.pause === undefined);
  if (pause === undefined && isRepeat) return { kind: 'unnamed', state };
  const bytes = kept.reduce((sum, each) => sum + (each.bytes ?? 0), wish.bytes);
  if (kept.length >= MOST_KEPT_RESUMES || bytes > MOST_KEPT_BYTES) return { kind: 'full', state };
  return { kind: 'accepted', change: keep(row, wish, now), kept: true };
}

/** The value goes to the history alone: what is kept with the row is written again by each checkpoint. */
function keep<Row extends ExecutionRow>(row: Row, wish: Resume, now: number): Change<Row> {
  const { requestedBy, value, pause, bytes } = wish;
  const named = pause === undefined ? {} : { pause };
  const event: NewEvent = {
    type: 'resume_kept',
    at: now,
    attempt: row.attempt,
    data: { requestedBy, ...named, value },
  };
  const entry: KeptResume = { requestedBy, ...named, seq: row.lastEventSeq + 1, bytes };
  const next = withParking(row, { kept: [...parkingOf(row).kept, entry] });
  return { row: next, events: [event], outbox: [] };
}

/** PAUSED → SCHEDULED. Pure. */
export function resume<Row extends ExecutionRow>(
  row: Row,
  wish: Resume | KeptResume,
  now: number,
): Change<Row> {
  const { parked } = parkingOf(row);
  const isGate = parked?.kind === 'pause';
  const opened = isGate ? withParking(row, { passed: { callId: parked.callId, name: parked.name } }) : row;
  return { ...rescheduled(opened, now), events: [resumed(row, wish, now)] };
}

function resumed(row: ExecutionRow, wish: Resume | KeptResume, now: number): NewEvent {
  const { callId = null, name = null } = parkingOf(row).parked ?? {};
  const { requestedBy, value = null } = wish;
  const valueFrom = 'seq' in wish ? wish.seq : undefined;
  const data = { requestedBy, callId, name, value };
  return { type: 'execution_resumed', at: now, attempt: row.attempt, data, ...(valueFrom && { valueFrom }) };
}

/** The first kept resume that a pause takes, and those that are kept on. Pure. */
export function takeKept(
  kept: readonly KeptResume[],
  gate: Gate,
): { readonly taken: KeptResume | undefined; readonly kept: readonly KeptResume[] } {
  const taken = kept.find(({ pause }) => pause === undefined || isMeant(pause, gate));
  return { taken, kept: taken ? kept.filter((each) => each !== taken) : kept };
}

/** Why an execution is neither paused nor resumed. */
interface ParkingRefusal {
  readonly kind: 'finished' | 'cancelling';
  readonly state: ExecutionState;
}

function refusalOf(state: ExecutionState): ParkingRefusal {
  return { kind: isTerminal(state) ? 'finished' : 'cancelling', state };
}
