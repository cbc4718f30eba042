import { z } from 'zod';
import { eventResource } from './history.js';
import {
  cancelCause,
  cancelOn,
  cancelOutcome,
  cleanup,
  cursorText,
  duration,
  errorInfo,
  executionId,
  executionState,
  includeOf,
  isoTime,
  jsonValue,
  labels,
  oneOrMany,
  pageFields,
  pageLimit,
  pageOf,
  reason,
  storable,
  strays,
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
  deadlineAt: isoTime.describe(
    'When the grace period ends; until the signal has reached a body, when it ends at the latest.',
  ),
  deliveredAt: isoTime.nullable(),
  stoppedAt: isoTime.nullable(),
  finalizedAt: isoTime.nullable(),
  /** True when the runner was killed at the deadline. */
  forced: z.boolean(),
  cleanup: cleanup.nullable(),
  outcome: cancelOutcome.nullable(),
  /** The first error that the cleanup let out, where `cleanup` is `failed`. */
  cleanupError: errorInfo.optional(),
  /** The body's output after the signal, where it did not rethrow. */
  bodyOutput: jsonValue.optional(),
  bodyError: errorInfo.nullable().optional(),
});
export type CancellationResource = z.infer<typeof cancellationResource>;

/** How far a task is, in event streams only: `event: progress`, without an id. */
export const progressResource = z.object({
  executionId,
  attempt: z.int().min(1),
  /** The call of the workflow that tells it: `name#n`. */
  callId: z.string(),
  name: z.string(),
  value: jsonValue,
  at: isoTime,
});
export type ProgressResource = z.infer<typeof progressResource>;

export const executionResource = z.object({
  executionId,
  workflowName,
  /** The version of the workflow, as its first worker had it; `null` before that, and without one. */
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
  /**
   * The thing that a PAUSED or SLEEPING execution waits for. In other states it is set only when no live worker has
   * its version.
   */
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

/** An execution of a list: `input` and `output` (`cancellation.bodyOutput` too) are there where they were asked for. */
export const listedExecutionResource = executionResource
  .omit({ events: true })
  .partial({ input: true, output: true });
export type ListedExecutionResource = z.infer<typeof listedExecutionResource>;

export const executionPage = pageOf(listedExecutionResource);
export type ExecutionPage = z.infer<typeof executionPage>;

export const eventPage = pageOf(eventResource);
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
  runner: z.enum(['shared', 'process']),
  /** Events that cancel its executions, each with the path of its key in the input. */
  cancelOn: z.array(cancelOn),
  /** How many executions left something open when they ended, in the shared runners of live workers; by kind. */
  strays: z.array(strays.omit({ workflowName: true })),
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

/** What the workers of a name were asked by hand, until they are resumed. */
export const workerHoldResource = z.object({
  /** `pause`: they take nothing new. `drain`: they hand over what they run, too. */
  wish: z.enum(['pause', 'drain']),
  requestedBy: z.string(),
  reason: z.string().nullable(),
  since: isoTime,
});
export type WorkerHold = z.infer<typeof workerHoldResource>;

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
      runner: z.enum(['shared', 'process']),
      executionId: z.string().nullable(),
      workflowName: z.string().nullable(),
      since: isoTime,
    }),
  ),
  /**
   * Files of its workflows that were changed, removed or added since it started, by their paths from its folder. It runs
   * the code that it started with.
   */
  changedFiles: z.array(z.string()),
  /** `null`: it takes what it can. */
  byHand: workerHoldResource.nullable(),
  startedAt: isoTime,
  lastSeenAt: isoTime,
});
export type WorkerResource = z.infer<typeof workerResource>;
export const workerPage = z.object({ items: z.array(workerResource) });
export type WorkerPage = z.infer<typeof workerPage>;

/** The workers of a name, live ones first, and what they were asked by hand. */
export const namedWorkersResource = z.object({
  name: z.string(),
  byHand: workerHoldResource.nullable(),
  workers: z.array(workerResource),
});
export type NamedWorkers = z.infer<typeof namedWorkersResource>;

export const healthResource = z.object({
  status: z.enum(['up', 'down']),
  /** `blocked`: the broker has raised an alarm and takes nothing for now; what was asked of it waits. */
  checks: z.record(z.string(), z.enum(['up', 'blocked', 'down'])),
  /** Why a check is down, by the name of the check. */
  reasons: z.record(z.string(), z.string()).optional(),
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
  /** INVALID_REQUEST, INVALID_INPUT and INPUT_CHECK_TOO_SLOW: each faulty field and what is wrong with it. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  /** EXECUTION_ALREADY_FINISHED: the final state. */
  state: executionState.optional(),
});
export type Problem = z.infer<typeof problem>;

// ---- requests

/** A switch in a query: `true`, `false`, or present without a value. */
export const flag = z.enum(['true', 'false', '']).transform((value) => value !== 'false');

/** How long a sync request waits at most, and by default. */
export const MAX_SYNC_TIMEOUT_MS = 10 * 60_000;
export const DEFAULT_SYNC_TIMEOUT_MS = 30_000;
const SYNC_TIMEOUT =
  'How long a sync request waits at most: `500ms`, `10s`, `5m` or ISO 8601; default 30s, at most 10m.';
const syncTimeout = duration
  .refine((value) => value <= MAX_SYNC_TIMEOUT_MS, 'must be at most 10m')
  .optional();

export const startQuery = z.strictObject({
  mode: z
    .enum(['async', 'sync', 'stream'])
    .default('async')
    .describe(
      'async answers at once; sync waits for the end; stream answers with server-sent events: `execution`, then ' +
        'each history event (`id` is its seq, `event` its type), at the end `execution` again.',
    ),
  timeout: syncTimeout.describe(
    `${SYNC_TIMEOUT} A stream ends after it; without it, at the end of the execution.`,
  ),
});
export type StartQuery = z.infer<typeof startQuery>;

export const startBody = z.strictObject({
  /** Absent: `{}`. */
  input: jsonValue.optional(),
  /** The same id again with the same input is the same execution. */
  executionId: executionId.optional(),
  labels: labels.optional(),
  /** The execution's own time limit, such as `1h`. */
  timeout: duration.refine((value) => value > 0, 'must be longer than 0').optional(),
});
export type StartBody = z.infer<typeof startBody>;

export const cancelQuery = z.strictObject({
  mode: z.enum(['async', 'sync']).default('async').describe('async answers at once; sync waits for the end.'),
  timeout: syncTimeout.describe(SYNC_TIMEOUT),
});
export type CancelQuery = z.infer<typeof cancelQuery>;

export const cancelBody = z.strictObject({
  reason: reason.optional(),
  /** Brings the deadline to now. */
  force: z.boolean().optional(),
  /** The workflow's own by default. */
  gracePeriod: duration.refine((value) => value <= 24 * 3_600_000, 'must be at most 24h').optional(),
  /** The execution goes on for so long; until then the cancel can be taken back. */
  delay: duration.refine((value) => value <= 30 * 24 * 3_600_000, 'must be at most 30d').optional(),
});
export type CancelBody = z.infer<typeof cancelBody>;

export const undoQuery = z.strictObject({
  reason: reason.optional().describe('Why, for its history.'),
});
export type UndoQuery = z.infer<typeof undoQuery>;

export const pauseBody = z.strictObject({ reason: reason.optional() });
export type PauseBody = z.infer<typeof pauseBody>;
/** A wish by hand to the workers of a name. */
export const workerWishBody = z.strictObject({ reason: reason.optional() });

/**
 * `input` becomes the value of the `ctx.pause` that it resumes. Absent: `null`. `pause` names the one that is meant, by
 * its name or its call. Absent: the one that the execution waits in, else the next.
 */
export const resumeBody = z.strictObject({
  input: jsonValue.optional(),
  pause: storable(z.string().min(1).max(300)).optional(),
});
export type ResumeBody = z.infer<typeof resumeBody>;

export const statusQuery = z.strictObject({
  detailed: flag.optional().describe('Adds `events`, the history.'),
});

export const eventsQuery = z.strictObject({
  limit: pageLimit.default(100).describe('Of one page, which ends at 1 MiB too; a stream has none.'),
  cursor: z.string().optional().describe(cursorText),
});

/** `k:v`, split at the first colon. */
export const labelFilter = z.string().regex(/^[^:\s]{1,63}:/, 'must be key:value');

export const listQuery = z.strictObject({
  workflowName: workflowName.optional(),
  state: oneOrMany(executionState, `one of ${executionState.options.join(', ')}`)
    .optional()
    .describe('Any of these; repeat it for several.'),
  label: oneOrMany(labelFilter, 'key:value')
    .optional()
    .describe('`key:value`; repeat it to ask for all of several.'),
  createdAfter: isoTime.optional(),
  createdBefore: isoTime.optional(),
  parentExecutionId: executionId.optional(),
  include: includeOf('input', 'output'),
  ...pageFields,
});
export type ListQuery = z.infer<typeof listQuery>;

/** The caller, until there are keys: the header `Flux-Actor`. */
export const ACTOR_HEADER = 'flux-actor';
export const IDEMPOTENCY_HEADER = 'idempotency-key';
export const actor = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');
export const idempotencyKey = storable(z.string().trim().min(1).max(255));
