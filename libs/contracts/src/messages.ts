import { z } from 'zod';
import { childEnd, childLink, childStart } from './children.js';
import {
  cancelCause,
  cancelOn,
  cleanup,
  errorInfo,
  executionId,
  executionState,
  jsonValue,
  valueTypes,
  workerName,
  workflowName,
  workflowVersion,
} from './values.js';

/** Every message on the broker, by its type. Times are epoch milliseconds of the sender's clock. */

const workerId = z.string().min(1).max(120);
const attempt = z.int().min(1);
const time = z.number();
const owned = z.object({ executionId, attempt });

const runnerKind = z.enum(['shared', 'thread', 'process']);

/** A workflow as a worker registers it. */
export const workflowDefinition = z.object({
  workflowName,
  /** `null`: it has none, which is a version of its own. */
  version: workflowVersion.nullable().default(null),
  /** JSON Schema (2020-12) of the input, or `null` when anything goes. */
  inputSchema: z.record(z.string(), z.unknown()).nullable(),
  gracePeriodMs: z.int().min(0).nullable(),
  timeoutMs: z.int().min(1).nullable(),
  runner: runnerKind,
  /** Events that cancel its executions; absent: none. */
  cancelOn: z.array(cancelOn).optional(),
});
export type WorkflowDefinition = z.infer<typeof workflowDefinition>;

/** worker → api, request: this incarnation is here. Repeated after every reconnect. */
export const registerRequest = z.object({
  workerId,
  name: workerName,
  startedAt: time,
  concurrency: z.int().min(1),
  runners: z.int().min(1),
  workflows: z.array(workflowDefinition),
  /** What it stopped because it could not be sure of owning it any more, all of it over by now: for others to take. */
  stopped: z.array(owned).default([]),
  /** Claims whose answers it gave up waiting for: what they may have brought it does not run. */
  unanswered: z.array(z.object({ executionId, claimId: z.string() })).default([]),
});
export const registerReply = z.object({
  leaseMs: z.int(),
  heartbeatMs: z.int(),
  /** The api's time, for the difference of the clocks. */
  now: time.optional(),
});

/** What the owner is told to cancel. `remainingMs` counts from receipt: clocks differ between machines. */
export const cancelNotice = z.object({
  executionId,
  attempt,
  requestedAt: time,
  requestedBy: z.string(),
  reason: z.string().nullable(),
  cause: cancelCause,
  remainingMs: z.number(),
  /** An owner before has delivered it to the body. */
  delivered: z.boolean().optional(),
});
export type CancelNotice = z.infer<typeof cancelNotice>;

const callResult = {
  /**
   * `name#n`: the n-th call (from 0) of that name in the order the body made them; in a `ctx.scope` `name#s.n`, where
   * `s` is the number of the scope.
   */
  callId: z.string(),
  name: z.string(),
};

/**
 * How the runner that had it died by itself, if it did: with this execution alone, or with others, any of which may be
 * the cause. Absent when the worker killed it.
 */
const died = z.enum(['alone', 'in_company']).optional();

/** What a body did, as its runner reports it. */
export const checkpointEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('task_completed'),
    ...callResult,
    output: jsonValue,
    outputTypes: valueTypes.optional(),
    tries: z.int().min(1),
    startedAt: time,
    at: time,
    /** Ran after the cancel signal, in a shield or a handler. */
    inCleanup: z.boolean(),
    /** The error of the last try, where the output is that of the task's fallback. */
    fallbackFor: errorInfo.optional(),
  }),
  z.object({
    type: z.literal('task_failed'),
    ...callResult,
    error: errorInfo,
    tries: z.int().min(1),
    startedAt: time,
    at: time,
    inCleanup: z.boolean(),
  }),
  /** A sleep has begun; replay waits only for what is left of it. */
  z.object({
    type: z.literal('timer_started'),
    ...callResult,
    durationMs: z.number(),
    dueAt: time,
    at: time,
  }),
  /** `ctx.now`, `ctx.uuid`, `ctx.random`: what replay answers again. */
  z.object({ type: z.literal('value_recorded'), ...callResult, value: jsonValue, at: time }),
  /** A completed task was undone, newest first; `error` when its rollback threw. */
  z.object({ type: z.literal('rollback_finished'), ...callResult, error: errorInfo.nullable(), at: time }),
  /** The body calls another workflow; recorded before it goes on. */
  z.object({ type: z.literal('child_started'), ...callResult, child: childStart, at: time }),
  /** The body is given the end of that child, at this place among its results. */
  z.object({ type: z.literal('child_joined'), ...callResult, at: time }),
  /** The signal reached the owner. */
  z.object({ type: z.literal('cancel_delivered'), at: time }),
  /** The body ended. Always the last event of its attempt. */
  z.object({
    type: z.literal('finished'),
    outcome: z.enum(['completed', 'failed', 'cancelled']),
    /** The cancel signal had reached the body before it ended. */
    signalled: z.boolean(),
    output: jsonValue,
    outputTypes: valueTypes.optional(),
    error: errorInfo.nullable(),
    cleanup: cleanup.nullable(),
    cleanupError: errorInfo.nullable(),
    /** Killed at the deadline. */
    forced: z.boolean(),
    at: time,
  }),
  /**
   * It gives its place back and waits: for `dueAt` (sleep), for a resume (`ctx.pause`, its name in `name`), for a child,
   * or because somebody asked from outside that it pauses (request). Always the last event of its attempt.
   */
  z.object({
    type: z.literal('parked'),
    kind: z.enum(['sleep', 'pause', 'child', 'request']),
    callId: z.string().nullable(),
    name: z.string().nullable(),
    dueAt: time.nullable(),
    /** How many ends of children it had heard of; absent: it waits for no child. */
    childrenHeard: z.int().min(0).optional(),
    at: time,
  }),
  /** The owner gives it back unfinished. Always the last event of its attempt. */
  z.object({ type: z.literal('handed_back'), reason: z.enum(['drain', 'runner_lost']), died, at: time }),
]);
export type CheckpointEvent = z.infer<typeof checkpointEvent>;
export type FinishedEvent = Extract<CheckpointEvent, { type: 'finished' }>;

/** `seq` counts the checkpoints of one attempt from 1, without a gap. */
export const checkpoint = z.object({
  executionId,
  attempt,
  seq: z.int().min(1),
  events: z.array(checkpointEvent).min(1),
});
export type Checkpoint = z.infer<typeof checkpoint>;

/** worker → api, to a checkpoint partition. Every execution in it belongs to that partition. */
export const checkpointsMessage = z.object({ workerId, items: z.array(checkpoint).min(1) });

/** The end of a child. `number` counts the ends on its parent's record from 1. */
const childFinished = z.object({
  type: z.literal('child_finished'),
  ...callResult,
  number: z.int().min(1),
  end: childEnd,
  /** On the api's clock. */
  at: time,
});
export type ChildFinished = z.infer<typeof childFinished>;

/** A recorded result, as replay needs it. */
export const historyEntry = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('task_completed'),
    ...callResult,
    output: jsonValue,
    outputTypes: valueTypes.optional(),
  }),
  z.object({ type: z.literal('task_failed'), ...callResult, error: errorInfo }),
  z.object({ type: z.literal('timer_started'), ...callResult, durationMs: z.number(), dueAt: time }),
  z.object({ type: z.literal('value_recorded'), ...callResult, value: jsonValue }),
  z.object({ type: z.literal('rollback_finished'), ...callResult, error: errorInfo.nullable() }),
  /** The pause of that call has been resumed with `value`. */
  z.object({ type: z.literal('resumed'), ...callResult, value: jsonValue }),
  z.object({ type: z.literal('child_started'), ...callResult, child: childLink }),
  childFinished,
  z.object({ type: z.literal('child_joined'), ...callResult }),
]);
export type HistoryEntry = z.infer<typeof historyEntry>;

/**
 * worker → api, request: may I own these? `claimId` is new for each delivery: the same claim asked again
 * (its reply was lost) is granted again, with the same attempt.
 */
export const claimRequest = z.object({
  workerId,
  claims: z
    .array(
      z.object({
        claimId: z.string(),
        executionId,
        /** The version of its workflow that the worker has. */
        version: workflowVersion.nullable().default(null),
      }),
    )
    .min(1),
});
export const claimGrant = z.object({
  executionId,
  granted: z.literal(true),
  attempt,
  workflowName,
  input: jsonValue,
  /** The first page of it. */
  history: z.array(historyEntry),
  /** After which event the next page begins; absent when that was all. */
  next: z.int().optional(),
  gracePeriodMs: z.number(),
  /** So many ends of children, at least, are in its history. */
  childrenHeard: z.int().min(0).optional(),
  /** Its runner died lately, perhaps of it: it gets one of its own, so that others do not die with it. */
  isolate: z.boolean().default(false),
  /** Run-to-cancel: replay, then throw. */
  cancel: cancelNotice.nullable(),
});
export const claimRefusal = z.object({ executionId, granted: z.literal(false), reason: z.string() });
export const claimReply = z.object({
  results: z.array(z.discriminatedUnion('granted', [claimGrant, claimRefusal])),
});
export type ClaimGrant = z.infer<typeof claimGrant>;
export type ClaimRefusal = z.infer<typeof claimRefusal>;
export type ClaimResult = ClaimGrant | ClaimRefusal;

/** worker → api, request: the page of the history of what it owns that begins after event `after`. May be repeated. */
export const historyRequest = z.object({ workerId, executionId, attempt, after: z.int().min(0) });
export const historyReply = z.object({
  /** False: that attempt is not this worker's, or not any more. */
  owned: z.boolean(),
  entries: z.array(historyEntry),
  /** After which event the next page begins; absent when that was all. */
  next: z.int().optional(),
});
export type HistoryReply = z.infer<typeof historyReply>;

/** A runner whose code has not given its event loop back for `forMs`; the execution is the one it entered last. */
export const blockedRunner = z.object({
  runner: runnerKind,
  executionId: executionId.nullable(),
  workflowName: workflowName.nullable(),
  forMs: z.number(),
});
export type BlockedRunner = z.infer<typeof blockedRunner>;

/** worker → api, request: I am alive and hold these. Renews the lease. */
export const heartbeatRequest = z.object({
  workerId,
  state: z.enum(['running', 'draining']),
  /** With how many ends of children it has heard of, counted without a gap. */
  running: z.array(owned.extend({ childrenHeard: z.int().min(0).optional() })),
  blocked: z.array(blockedRunner).default([]),
  /** What it has asked for, and has no answer yet: it may own these, and does not know. */
  claiming: z.array(executionId).default([]),
});
export const heartbeatReply = z.object({
  /** False when the api does not know this worker (any more): register again. */
  known: z.boolean(),
  /** What the worker holds and no longer owns: stop it. */
  fenced: z.array(owned),
  /** What is to be cancelled and was not acknowledged. */
  cancels: z.array(cancelNotice),
  /** The api's time, for the difference of the clocks. */
  now: time.optional(),
});

/** worker → api, request: this incarnation ends; it holds nothing any more. */
export const deregisterRequest = z.object({ workerId });
export const deregisterReply = z.object({});

/**
 * api → the queue of the workflow: an execution waits for a worker. `version`: of the workflow it began on, `null`
 * without one; absent while no worker has had it.
 */
export const runMessage = z.object({
  executionId,
  workflowName,
  version: workflowVersion.nullable().optional(),
});
/** api → the control queue of a worker that answers: the queue may have given that execution to one that does not. */
export const offerMessage = runMessage;
/** api → the owner's control queue. */
export const cancelMessage = cancelNotice;
/** api → the owner's control queue: a later attempt runs elsewhere, or it has ended; stop yours. */
export const fenceMessage = owned;
/** api → the owner's control queue: somebody asks that it pauses; the runner parks it at its next call. */
export const pauseMessage = owned;
/** api → the owner's control queue: a child of that execution has ended. */
export const childMessage = owned.extend({ entry: childFinished });
export type ChildMessage = z.infer<typeof childMessage>;
/** worker → every api replica, through the updates topic: how far a task is. Live only, never stored. */
export const progressMessage = z.object({
  executionId,
  attempt,
  callId: z.string(),
  name: z.string(),
  value: jsonValue,
  at: time,
});
export type ProgressUpdate = z.infer<typeof progressMessage>;
/** api → every worker's control queue, mandatory, once a second. */
export const pingMessage = z.object({ at: time });

/** api → every api replica. `seq` is the last event's number in history. */
export const updatesMessage = z.object({
  items: z.array(z.object({ executionId, state: executionState, seq: z.int() })).min(1),
});
export type StateUpdate = z.infer<typeof updatesMessage>['items'][number];

/** Every message type and its schema. Types are stable names: they stand in dead letters and in logs. */
export const MESSAGES = {
  register: registerRequest,
  claim: claimRequest,
  history: historyRequest,
  heartbeat: heartbeatRequest,
  deregister: deregisterRequest,
  checkpoints: checkpointsMessage,
  run: runMessage,
  offer: offerMessage,
  cancel: cancelMessage,
  fence: fenceMessage,
  pause: pauseMessage,
  child: childMessage,
  progress: progressMessage,
  ping: pingMessage,
  updates: updatesMessage,
} as const;

export type MessageType = keyof typeof MESSAGES;
export type MessageBody<T extends MessageType> = z.infer<(typeof MESSAGES)[T]>;

export type ParsedMessage =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** Checks a body against the schema of its type. The reason names fields, never values. */
export function parseMessage(type: string, body: unknown): ParsedMessage {
  if (!Object.hasOwn(MESSAGES, type)) return { ok: false, reason: `unknown message type '${type}'` };
  const parsed = MESSAGES[type as MessageType].safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  return { ok: false, reason: `message '${type}' fails its schema: ${faults.join('; ')}` };
}
