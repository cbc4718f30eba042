import { EXECUTION_STATES } from '@flux/domain';
import { z } from 'zod';
import { childLink, childOutcome } from './children.js';
import {
  callResult,
  cancelCause,
  cleanup,
  deathCause,
  errorInfo,
  executionId,
  isoTime,
  jsonValue,
  valueTypes,
  workflowName,
  workflowVersion,
} from './values.js';

/** The result of a completed task, on its way to the record and there. */
export const taskCompletion = {
  ...callResult,
  output: jsonValue,
  /** The types that the JSON of the output leaves out. */
  outputTypes: valueTypes.optional(),
  tries: z.int().min(1),
  /** The task ran after the cancel signal, in a shield or a handler. */
  inCleanup: z.boolean(),
  /** The error of the last try, where the output is that of the task's fallback. */
  fallbackFor: errorInfo.optional(),
};
export const taskFailure = {
  ...callResult,
  error: errorInfo,
  tries: z.int().min(1),
  inCleanup: z.boolean(),
};

/** A task that has begun: what is known before its first line. */
export const taskStart = {
  ...callResult,
  inCleanup: z.boolean(),
  /** It can be undone, once it has completed. */
  rollback: z.boolean(),
};
/** The end of a task without a result: what it has done by then is not known. */
export const taskInterruption = {
  ...taskStart,
  /**
   * `rejected`: its promise was rejected or left, and its function has settled; `killed`: the runner that it ran in died or
   * was killed; `owner_lost`: the worker that ran it lost the execution.
   */
  how: z.enum(['rejected', 'killed', 'owner_lost']),
  /** How its function settled after that, where it did: its value or error is dropped. */
  settled: z.enum(['returned', 'threw']).optional(),
  /** The kind of the runner that was killed. */
  runner: z.string().optional(),
  /** What the runner died of, where it died by itself. */
  cause: deathCause.optional(),
};

/** A program that an execution has started, and what became of it beside an end of its own. */
export const programEnd = {
  /** The program alone: its arguments may be secret. */
  name: z.string(),
  pid: z.int().min(1),
  /** The last signal that it got, or that it lives on (`ctx.detach`). */
  how: z.enum(['SIGTERM', 'SIGKILL', 'detached']),
  /** So many more were ended, and are not told of one by one. */
  more: z.int().min(1).optional(),
};

const by = z.string();
const reason = z.string().nullable();
const workerId = z.string();
const call = z.strictObject(callResult);
const asked = z.strictObject({ requestedBy: by, reason });
/** The bulk cancel that asked, and the event that made it. */
const bulkSource = {
  cancellationId: z.string().optional(),
  event: z.object({ name: z.string(), key: z.string() }).optional(),
};
const alreadyCompleted = z.literal('already_completed').optional();

/** An event in the order of its fields, in which clients print them. */
const stamped = <T extends z.ZodType, D extends z.ZodType>(type: T, data: D) =>
  z.object({
    /** Events of one execution count from 1. */
    seq: z.int().min(1),
    type,
    /** Time of the api's clock. */
    at: isoTime,
    attempt: z.int().min(0),
    data,
  });

const event = <T extends string, D extends z.ZodType>(type: T, description: string, data: D) =>
  stamped(z.literal(type), data).describe(description);

/**
 * Every event that a history may have, as REST shows it. A field that came with a later version is optional, since
 * histories that were recorded before stay readable.
 */
export const historyEvent = z.discriminatedUnion('type', [
  event('execution_scheduled', 'The execution was started.', z.strictObject({ requestedBy: by })),
  event(
    'execution_started',
    'A worker has claimed it; `version` is that of the workflow, where it has one.',
    z.strictObject({ workerId, version: workflowVersion.optional() }),
  ),
  event(
    'task_completed',
    'A task has its output. `outputTypes`: what the JSON of that leaves out; `fallbackFor`: the error that its fallback got.',
    z.strictObject({ ...taskCompletion, startedAt: isoTime }),
  ),
  event(
    'task_failed',
    'A task has failed in its last try.',
    z.strictObject({ ...taskFailure, startedAt: isoTime }),
  ),
  event(
    'task_started',
    'A task has begun that did not end at once; `rollback`: it can be undone, once it has completed.',
    z.strictObject({ ...taskStart, startedAt: isoTime }),
  ),
  event(
    'task_interrupted',
    'A task that had begun was cut off without a result, and its effect is unknown: it was `rejected` (its function has ' +
      '`settled` all the same), `killed` with its runner, or its `owner_lost` the execution.',
    z.strictObject({ ...taskInterruption, startedAt: isoTime }),
  ),
  event(
    'program_ended',
    'A program that its code had started was still there at its end and was ended with it, or was `detached` and lives on.',
    z.strictObject(programEnd),
  ),
  event('timer_started', 'A sleep has begun.', call.extend({ durationMs: z.number(), dueAt: isoTime })),
  event('value_recorded', 'A value that replay answers again.', call.extend({ value: jsonValue })),
  event(
    'rollback_finished',
    'A completed task was undone; `error` where its rollback threw.',
    call.extend({ error: errorInfo.nullable() }),
  ),
  event('child_started', 'The body has called another workflow.', call.extend(childLink.shape)),
  event(
    'child_refused',
    'A child could not be started.',
    call.extend({ ...childLink.shape, number: z.int().min(1), error: errorInfo }),
  ),
  event(
    'child_finished',
    'A child has ended; `number` counts the ends of children.',
    call.extend({ executionId, workflowName, number: z.int().min(1) }).and(childOutcome),
  ),
  event('child_joined', 'The body was given the end of that child.', call),
  event(
    'execution_sleeping',
    "The execution gave its place back; `for` is `child` where a child's end brings it back.",
    z.strictObject({
      callId: z.string().nullable(),
      dueAt: isoTime.nullable(),
      for: z.literal('child').optional(),
    }),
  ),
  event(
    'execution_woken',
    'The sleep was due, or the child of call `callId` has ended.',
    z.strictObject({ callId: z.string().optional() }),
  ),
  event('pause_requested', 'Somebody asked from outside for a pause.', asked),
  event(
    'execution_paused',
    'The execution waits in a `ctx.pause`, or by a request from outside.',
    z.strictObject({
      kind: z.enum(['pause', 'request']),
      callId: z.string().nullable(),
      name: z.string().nullable(),
    }),
  ),
  event(
    'resume_kept',
    'A resume came before its pause and is kept for it: for the one that `pause` names, else the next.',
    z.strictObject({ requestedBy: by, pause: z.string().optional(), value: jsonValue }),
  ),
  event(
    'execution_resumed',
    'The pause is over; the call is that of `ctx.pause`.',
    z.strictObject({
      requestedBy: by,
      callId: z.string().nullable(),
      name: z.string().nullable(),
      value: jsonValue,
    }),
  ),
  event(
    'cancel_requested',
    'The cancel begins; `cancellationId` and `event` are those of a bulk cancel.',
    asked.extend({ cause: cancelCause, deadlineAt: isoTime, ...bulkSource }),
  ),
  event(
    'cancel_forced',
    'A repeat with `force`: the deadline is now.',
    asked.extend({ deadlineAt: isoTime, ...bulkSource }),
  ),
  event('cancel_delayed', 'A cancel that is to begin at `dueAt`.', asked.extend({ dueAt: isoTime })),
  event(
    'cancel_undone',
    'The cancel was taken back, and the execution is in `state` again.',
    asked.extend({ state: z.enum(EXECUTION_STATES) }),
  ),
  event(
    'cancel_delivered',
    'The body has the signal since `deliveredAt`, and `deadlineAt` is when its grace period ends; `at` is when the api heard of that.',
    z.strictObject({ workerId, deliveredAt: isoTime.optional(), deadlineAt: isoTime.optional() }),
  ),
  event(
    'execution_handed_back',
    'The worker stops, has lost the runner, or was cut off from the broker.',
    z.strictObject({
      reason: z.enum(['drain', 'runner_lost', 'cut_off']),
      workerId,
      cause: deathCause.optional(),
    }),
  ),
  event(
    'worker_lost',
    'The worker is gone; with a `reason`, it answers and has not told of the end of a cancel within its bound.',
    z.strictObject({ workerId, reason: z.literal('unreported').optional() }),
  ),
  event(
    'execution_completed',
    'The body has returned; `outcome` where a cancel came too late.',
    z.strictObject({ output: jsonValue, outputTypes: valueTypes.optional(), outcome: alreadyCompleted }),
  ),
  event(
    'execution_failed',
    'The body has thrown; `outcome` where a cancel came too late.',
    z.strictObject({ error: errorInfo, outcome: alreadyCompleted }),
  ),
  event(
    'execution_cancelled',
    'The cancel is over, with what `cancellation` of the execution has too.',
    z.strictObject({
      cleanup,
      forced: z.boolean(),
      cleanupError: errorInfo.nullable(),
      deliveredAt: isoTime.nullable().optional(),
      stoppedAt: isoTime.nullable().optional(),
    }),
  ),
]);

type Known = z.infer<typeof historyEvent>;
export type HistoryEventType = Known['type'];
type EventData = { readonly [E in Known as E['type']]: E['data'] };

/** An event of one of these types: its data, and `Rest` beside it. */
export type HistoryEvent<T extends HistoryEventType = HistoryEventType, Rest = unknown> = {
  [K in T]: Rest & { readonly type: K; readonly data: EventData[K] };
}[T];

/** An event as a client gets it. A newer server may send types that are not among these: they come as they are. */
export type EventResource<T extends HistoryEventType = HistoryEventType> = HistoryEvent<
  T,
  { readonly seq: number; readonly at: string; readonly attempt: number }
>;

const anyEvent = stamped(z.string(), z.record(z.string(), z.unknown()));

/**
 * The first option takes every event whole, so that neither a type nor a field that a newer server has invented is
 * refused or lost; the second one tells a document of those that are known.
 */
export const eventResource = z.union([anyEvent, historyEvent]) as z.ZodType<EventResource>;

/** Whether the event ends its execution: exactly one stands in a finished history, and nothing after it. */
export function endsExecution({ type }: { readonly type: string }): boolean {
  return type === 'execution_completed' || type === 'execution_failed' || type === 'execution_cancelled';
}
