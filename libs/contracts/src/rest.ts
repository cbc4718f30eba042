import { z } from 'zod';
import {
  cancelCause,
  cancelOn,
  cancelOutcome,
  cleanup,
  duration,
  errorInfo,
  executionId,
  executionState,
  isoTime,
  jsonValue,
  labels,
  oneOrMany,
  workflowName,
  workflowVersion,
} from './values.js';

/** Every request and response of the REST API. */

// ---- resources

export const cancellationResource = z.object({
  requestedAt: isoTime,
  requestedBy: z.string(),
  reason: z.string().nullable(),
  cause: cancelCause,
  deadlineAt: isoTime,
  deliveredAt: isoTime.nullable(),
  stoppedAt: isoTime.nullable(),
  finalizedAt: isoTime.nullable(),
  /** Its runner was killed at the deadline. */
  forced: z.boolean(),
  cleanup: cleanup.nullable(),
  outcome: cancelOutcome.nullable(),
  /** Where `cleanup` is `failed`: the first error that it let out. */
  cleanupError: errorInfo.optional(),
  /** What the body did after the signal other than to rethrow it. */
  bodyOutput: jsonValue.optional(),
  bodyError: errorInfo.nullable().optional(),
});
export type CancellationResource = z.infer<typeof cancellationResource>;

export const eventResource = z.object({
  /** Counts the execution's events from 1. */
  seq: z.int().min(1),
  type: z.string(),
  at: isoTime,
  attempt: z.int().min(0),
  data: z.record(z.string(), z.unknown()),
});
export type EventResource = z.infer<typeof eventResource>;

/** How far a task is, in event streams only: `event: progress`, without an id. */
export const progressResource = z.object({
  executionId,
  attempt: z.int().min(1),
  /** Which call of the workflow tells it: `name#n`. */
  callId: z.string(),
  name: z.string(),
  value: jsonValue,
  at: isoTime,
});
export type ProgressResource = z.infer<typeof progressResource>;

export const executionResource = z.object({
  executionId,
  workflowName,
  /** Of the workflow, as its first worker had it; `null` before that, and without one. */
  version: workflowVersion.nullable(),
  state: executionState,
  input: jsonValue,
  output: jsonValue,
  error: errorInfo.nullable(),
  attempt: z.int().min(0),
  workerId: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  parentExecutionId: z.string().nullable(),
  /** The topmost of its ancestors. */
  rootExecutionId: z.string().nullable(),
  createdAt: isoTime,
  startedAt: isoTime.nullable(),
  finishedAt: isoTime.nullable(),
  cancellation: cancellationResource.nullable(),
  /** In PAUSED and SLEEPING: what it waits for; else set only when no live worker has its version. */
  waiting: z
    .object({
      /**
       * A sleep of its body, a `ctx.pause` (its name in `pause`), a child, a resume of a pause from outside, or a worker
       * that has its `version`.
       */
      for: z.enum(['sleep', 'pause', 'child', 'request', 'version']),
      pause: z.string().nullable(),
      /** When its earliest sleep is due. A pause from outside goes on beyond it. */
      until: isoTime.nullable(),
    })
    .nullable(),
  /** Present while a cancel waits for its delay to pass; the execution goes on until then. */
  pendingCancel: z
    .object({ requestedAt: isoTime, requestedBy: z.string(), reason: z.string().nullable(), dueAt: isoTime })
    .optional(),
  /** Only with `detailed=true`. */
  events: z.array(eventResource).optional(),
});
export type ExecutionResource = z.infer<typeof executionResource>;

export const executionPage = z.object({
  items: z.array(executionResource),
  nextCursor: z.string().nullable(),
});
export type ExecutionPage = z.infer<typeof executionPage>;

export const eventPage = z.object({ items: z.array(eventResource), nextCursor: z.string().nullable() });
export type EventPage = z.infer<typeof eventPage>;

export const workflowResource = z.object({
  workflowName,
  /** The newest that a live worker has; everything here but `versions` is of that one. `null` without one. */
  version: workflowVersion.nullable(),
  inputSchema: z.record(z.string(), z.unknown()).nullable(),
  /** Milliseconds; `null` is the deployment's default. */
  gracePeriodMs: z.number().nullable(),
  /** Milliseconds; `null` is no timeout. */
  timeoutMs: z.number().nullable(),
  runner: z.enum(['shared', 'thread', 'process']),
  /** Events that cancel its executions, each with the path of its key in the input. */
  cancelOn: z.array(cancelOn),
  registeredAt: isoTime,
  /** Live workers that have it, in any version. */
  workers: z.int(),
  /** Newest first; one that no worker has is forgotten a day later. */
  versions: z.array(
    z.object({
      version: workflowVersion.nullable(),
      /** Live workers that have it. */
      workers: z.int(),
      /** When a worker brought it for the first time. */
      registeredAt: isoTime,
    }),
  ),
});
export type WorkflowResource = z.infer<typeof workflowResource>;
export const workflowPage = z.object({ items: z.array(workflowResource) });
export type WorkflowPage = z.infer<typeof workflowPage>;

export const workerResource = z.object({
  /** The name and the incarnation: the same name started again is another worker. */
  workerId: z.string(),
  name: z.string(),
  state: z.enum(['running', 'draining', 'lost', 'stopped']),
  concurrency: z.int(),
  runners: z.int(),
  /** Executions it owns now. */
  running: z.int(),
  workflows: z.array(z.string()),
  /** Runners that have been busy without a break for too long, each with the execution whose code it entered last. */
  blocked: z.array(
    z.object({
      runner: z.enum(['shared', 'thread', 'process']),
      executionId: z.string().nullable(),
      workflowName: z.string().nullable(),
      since: isoTime,
    }),
  ),
  startedAt: isoTime,
  lastSeenAt: isoTime,
});
export type WorkerResource = z.infer<typeof workerResource>;
export const workerPage = z.object({ items: z.array(workerResource) });
export type WorkerPage = z.infer<typeof workerPage>;

export const healthResource = z.object({
  status: z.enum(['up', 'down']),
  checks: z.record(z.string(), z.enum(['up', 'down'])),
});
export type HealthResource = z.infer<typeof healthResource>;

/** RFC 9457 problem details. */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string(),
  instance: z.string().optional(),
  /** INVALID_REQUEST and INVALID_INPUT: each faulty field and what is wrong with it. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** EXECUTION_ALREADY_FINISHED: the final state. */
  state: executionState.optional(),
});
export type Problem = z.infer<typeof problem>;

// ---- requests

/** What one reads as a switch in a query: `true`, `false`, or present without a value. */
export const flag = z.enum(['true', 'false', '']).transform((value) => value !== 'false');

/** How long a sync request waits at most, and by default. */
export const MAX_SYNC_TIMEOUT_MS = 10 * 60_000;
export const DEFAULT_SYNC_TIMEOUT_MS = 30_000;
const syncTimeout = duration
  .refine((value) => value <= MAX_SYNC_TIMEOUT_MS, 'must be at most 10m')
  .optional();

export const startQuery = z.strictObject({
  mode: z.enum(['async', 'sync', 'stream']).default('async'),
  timeout: syncTimeout,
});
export type StartQuery = z.infer<typeof startQuery>;

export const startBody = z.strictObject({
  /** Absent: `{}`. */
  input: jsonValue.optional(),
  executionId: executionId.optional(),
  labels: labels.optional(),
  /** The execution's own time limit. */
  timeout: duration.refine((value) => value > 0, 'must be longer than 0').optional(),
});
export type StartBody = z.infer<typeof startBody>;

export const cancelQuery = z.strictObject({
  mode: z.enum(['async', 'sync']).default('async'),
  timeout: syncTimeout,
});
export type CancelQuery = z.infer<typeof cancelQuery>;

export const cancelBody = z.strictObject({
  reason: z.string().max(1000).optional(),
  force: z.boolean().optional(),
  gracePeriod: duration.refine((value) => value <= 24 * 3_600_000, 'must be at most 24h').optional(),
  /** The execution goes on for so long; until then the cancel can be taken back. */
  delay: duration.refine((value) => value <= 30 * 24 * 3_600_000, 'must be at most 30d').optional(),
});
export type CancelBody = z.infer<typeof cancelBody>;

export const undoQuery = z.strictObject({ reason: z.string().max(1000).optional() });
export type UndoQuery = z.infer<typeof undoQuery>;

export const pauseBody = z.strictObject({ reason: z.string().max(1000).optional() });
export type PauseBody = z.infer<typeof pauseBody>;

/** `input` becomes the value of the `ctx.pause` that it resumes. Absent: `null`. */
export const resumeBody = z.strictObject({ input: jsonValue.optional() });
export type ResumeBody = z.infer<typeof resumeBody>;

export const statusQuery = z.strictObject({ detailed: flag.optional() });

const pageLimit = z.coerce.number().int().min(1).max(1000);

export const eventsQuery = z.strictObject({ limit: pageLimit.default(100), cursor: z.string().optional() });

/** `k:v`, split at the first colon. */
export const labelFilter = z.string().regex(/^[^:\s]{1,63}:/, 'must be key:value');

export const listQuery = z.strictObject({
  workflowName: workflowName.optional(),
  state: oneOrMany(executionState, `one of ${executionState.options.join(', ')}`).optional(),
  label: oneOrMany(labelFilter, 'key:value').optional(),
  createdAfter: isoTime.optional(),
  createdBefore: isoTime.optional(),
  parentExecutionId: executionId.optional(),
  limit: pageLimit.default(50),
  cursor: z.string().optional(),
});
export type ListQuery = z.infer<typeof listQuery>;

/** Who calls, until there are keys: the header `Flux-Actor`. */
export const ACTOR_HEADER = 'flux-actor';
export const IDEMPOTENCY_HEADER = 'idempotency-key';
export const actor = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
export const idempotencyKey = z.string().trim().min(1).max(255);
