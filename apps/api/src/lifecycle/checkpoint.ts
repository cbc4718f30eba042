import type { Checkpoint, CheckpointEvent, HistoryEvent } from '@flux/contracts';
import { isTerminal, transition } from '@flux/domain';
import type { Change } from './change.js';
import { applyChildStart, type ChildVerdictOf } from './child-start.js';
import { factsOf, type ExecutionRow } from './execution.js';
import { applyDelivery, applyFinish } from './finish.js';
import { applyReturn } from './hand-back.js';
import { applyPark } from './park.js';
import { isoTime } from './timing.js';

export type CheckpointVerdict =
  | { readonly kind: 'applied'; readonly change: Change }
  /** The checkpoint was applied before. */
  | { readonly kind: 'duplicate' }
  /** A later attempt runs elsewhere, or the execution has ended: its sender must stop. */
  | { readonly kind: 'late' }
  /** The owner has told something that the state of the execution does not allow: likewise. */
  | { readonly kind: 'refused' }
  /** An earlier one is missing. */
  | { readonly kind: 'gap'; readonly expected: number };

/**
 * Decides what a checkpoint does to its execution. Pure.
 * @param verdictOf what was looked up of the children that it starts
 */
export function decideCheckpoint(
  row: ExecutionRow | undefined,
  workerId: string,
  checkpoint: Checkpoint,
  now: number,
  verdictOf: ChildVerdictOf = notLookedUp,
): CheckpointVerdict {
  if (row?.attempt !== checkpoint.attempt) return { kind: 'late' };
  // The number is looked at before the owner: a checkpoint that ended an attempt may be delivered twice.
  if (checkpoint.seq <= row.checkpointSeq) return { kind: 'duplicate' };
  if (row.workerId !== workerId || isTerminal(row.state)) return { kind: 'late' };
  if (checkpoint.seq > row.checkpointSeq + 1) return { kind: 'gap', expected: row.checkpointSeq + 1 };
  let progress: Change = { row: { ...row, checkpointSeq: checkpoint.seq }, events: [], outbox: [] };
  for (const event of checkpoint.events) {
    const next =
      event.type === 'child_started'
        ? applyChildStart(progress, event, verdictOf(event), now)
        : applyEvent(progress, event, workerId, now);
    if (!next) return { kind: 'refused' };
    progress = next;
  }
  return { kind: 'applied', change: progress };
}

const notLookedUp: ChildVerdictOf = ({ child }) => {
  throw new Error(`child ${child.executionId} was not looked up`);
};

/** `undefined` when the transition table refuses the event. */
function applyEvent(
  progress: Change,
  event: Exclude<CheckpointEvent, { type: 'child_started' }>,
  workerId: string,
  now: number,
): Change | undefined {
  switch (event.type) {
    case 'cancel_delivered':
      return applyDelivery(progress, event, workerId, now);
    case 'finished':
      return applyFinish(progress, event, now);
    case 'handed_back':
      return applyReturn(progress, event, workerId, now);
    case 'parked':
      return applyPark(sound(progress), event, now);
    case 'timer_started':
      return record(
        progress,
        { type: event.type, data: { ...dataOf(event), dueAt: isoTime(event.dueAt) } },
        now,
      );
    case 'value_recorded':
      return record(progress, { type: event.type, data: dataOf(event) }, now);
    case 'child_joined':
      return record(progress, { type: event.type, data: dataOf(event) }, now);
    case 'rollback_finished':
      return record(progress, { type: event.type, data: dataOf(event) }, now);
    case 'task_completed':
      return record(progress, { type: event.type, data: taskData(event) }, now);
    case 'task_failed':
      return record(progress, { type: event.type, data: taskData(event) }, now);
    case 'task_started':
      return note(progress, { type: event.type, data: taskData(event) }, now);
    case 'task_interrupted':
      return note(progress, { type: event.type, data: taskData(event) }, now);
    case 'program_ended':
      return note(progress, { type: event.type, data: dataOf(event) }, now);
  }
}

function dataOf<E extends CheckpointEvent>({ type: _type, at: _at, ...data }: E) {
  return data;
}

function taskData<E extends CheckpointEvent & { readonly startedAt: number }>(event: E) {
  return { ...dataOf(event), startedAt: isoTime(event.startedAt) };
}

/** The execution has come further: what its runners died of before is behind it. */
function sound(progress: Change): Change {
  return { ...progress, row: { ...progress.row, runnerLosses: 0 } };
}

/** A result of the body, recorded as it is. */
function record(progress: Change, result: HistoryEvent, now: number): Change | undefined {
  return note(sound(progress), result, now);
}

/** What is recorded as it is, and brings the execution no further. */
function note(progress: Change, result: HistoryEvent, now: number): Change | undefined {
  const { row } = progress;
  const move = transition(row.state, 'checkpoint', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  return {
    ...progress,
    row: { ...row, state: move.to },
    events: [...progress.events, { ...result, at: now, attempt: row.attempt }],
  };
}
