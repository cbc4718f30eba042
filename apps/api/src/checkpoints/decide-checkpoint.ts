import type { Checkpoint, CheckpointEvent } from '@flux/contracts';
import { isTerminal, transition } from '@flux/domain';
import { factsOf, type Change, type ExecutionRow } from '../executions/execution-row.js';
import { applyChildStart } from '../executions/children/decide-child-start.js';
import type { AdmissionOf } from '../executions/children/admissions.js';
import { applyDelivery, applyFinish, isoTime } from './apply-event.js';
import { applyPark } from './apply-park.js';
import { applyReturn } from './apply-runner-loss.js';
import type { Progress } from './end-cancelled.js';

export type CheckpointVerdict =
  | { readonly kind: 'applied'; readonly change: Change }
  /** It was applied before. */
  | { readonly kind: 'duplicate' }
  /** A later attempt runs elsewhere, or the execution has ended: its sender must stop. */
  | { readonly kind: 'late' }
  /** Its owner has told something that the state of the execution does not allow: likewise. */
  | { readonly kind: 'refused' }
  /** An earlier one is missing. */
  | { readonly kind: 'gap'; readonly expected: number };

/**
 * What one checkpoint does to its execution. Pure.
 * @param admissionOf what was looked up of the children that it starts
 */
export function decideCheckpoint(
  row: ExecutionRow | undefined,
  workerId: string,
  checkpoint: Checkpoint,
  now: number,
  admissionOf: AdmissionOf = notLookedUp,
): CheckpointVerdict {
  if (row?.attempt !== checkpoint.attempt) return { kind: 'late' };
  // Before the owner is looked at: what ended an attempt may be delivered twice.
  if (checkpoint.seq <= row.checkpointSeq) return { kind: 'duplicate' };
  if (row.workerId !== workerId || isTerminal(row.state)) return { kind: 'late' };
  if (checkpoint.seq > row.checkpointSeq + 1) return { kind: 'gap', expected: row.checkpointSeq + 1 };
  let progress: Progress = { row: { ...row, checkpointSeq: checkpoint.seq }, events: [], outbox: [] };
  for (const event of checkpoint.events) {
    const next =
      event.type === 'child_started'
        ? applyChildStart(progress, event, admissionOf(event), now)
        : applyEvent(progress, event, workerId, now);
    if (!next) return { kind: 'refused' };
    progress = next;
  }
  return { kind: 'applied', change: progress };
}

const notLookedUp: AdmissionOf = ({ child }) => {
  throw new Error(`child ${child.executionId} was not looked up`);
};

/** `undefined` when the transition table refuses the event. */
function applyEvent(
  progress: Progress,
  event: Exclude<CheckpointEvent, { type: 'child_started' }>,
  workerId: string,
  now: number,
): Progress | undefined {
  switch (event.type) {
    case 'cancel_delivered':
      return applyDelivery(progress, event, workerId, now);
    case 'finished':
      return applyFinish(progress, event, now);
    case 'handed_back':
      return applyReturn(progress, event, workerId, now);
    case 'parked':
      return applyPark(sound(progress), event, now);
    case 'timer_started': {
      const { type, at: _at, dueAt, ...data } = event;
      return record(progress, type, { ...data, dueAt: isoTime(dueAt) }, now);
    }
    case 'value_recorded':
    case 'child_joined':
    case 'rollback_finished': {
      const { type, at: _at, ...data } = event;
      return record(progress, type, data, now);
    }
    case 'task_completed':
    case 'task_failed': {
      const { type, at: _at, startedAt, ...data } = event;
      return record(progress, type, { ...data, startedAt: isoTime(startedAt) }, now);
    }
  }
}

/** It has come further: what its runners died of before is behind it. */
function sound(progress: Progress): Progress {
  return { ...progress, row: { ...progress.row, runnerLosses: 0 } };
}

/** A result of the body, recorded as it is. */
function record(
  progress: Progress,
  type:
    | 'task_completed'
    | 'task_failed'
    | 'timer_started'
    | 'value_recorded'
    | 'child_joined'
    | 'rollback_finished',
  data: Readonly<Record<string, unknown>>,
  now: number,
): Progress | undefined {
  const { row } = progress;
  const move = transition(row.state, 'checkpoint', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  return {
    ...progress,
    row: { ...sound(progress).row, state: move.to },
    events: [...progress.events, { type, at: now, attempt: row.attempt, data }],
  };
}
