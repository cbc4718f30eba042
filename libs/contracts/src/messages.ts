import { z } from 'zod';
import { childEnd, childLink, childStart } from './children.js';
import { programEnd, taskCompletion, taskFailure, taskInterruption, taskStart } from './history.js';
import {
  callResult,
  cancelCause,
  cancelOn,
  cleanup,
  deathCause,
  errorInfo,
  executionId,
  executionState,
  jsonValue,
  strays,
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

/**
 * What all workers of a name were asked by hand: to take nothing new (`pause`), to hand over what they run besides
 * (`drain`), or neither. `number` counts the wishes of the name, so that an older one that comes late is told.
 */
export const workerWish = z.object({ number: z.int().min(0), kind: z.enum(['pause', 'drain']).nullable() });
export type WorkerWish = z.infer<typeof workerWish>;

/** A JSON text that the worker has put into the api's hands before, gzipped and in pieces (`put_piece`). */
const storedText = z.object({
  valueId: z.uuid(),
  /** The bytes of the text. */
  bytes: z.int().min(1),
  /** The number of its pieces. */
  pieces: z.int().min(1),
});
export type StoredText = z.infer<typeof storedText>;

/** worker → api, request: keep this piece of a text. May be repeated. */
export const putPieceRequest = z.object({
  workerId,
  valueId: z.uuid(),
  index: z.int().min(0),
  /** Base64. */
  data: z.string(),
});

/** worker → api, request: one of the requests of that type whose body is too large for a message. */
export const storedRequest = storedText.extend({ type: z.enum(['register', 'heartbeat']) });

/** A worker of an earlier release may have runners of kind `thread`: it counts as the kind that is apart, too. */
const runnerKind = z
  .enum(['shared', 'process', 'thread'])
  .transform((kind) => (kind === 'thread' ? 'process' : kind));

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
  /**
   * Attempts that the worker stopped because it could not be sure of owning them. Their code is over by now, so
   * others may take them.
   */
  stopped: z.array(owned).default([]),
  /** Claims whose answers it gave up waiting for: what they may have brought it does not run. */
  unanswered: z.array(z.object({ executionId, claimId: z.string() })).default([]),
});
export const registerReply = z.object({
  leaseMs: z.int(),
  heartbeatMs: z.int(),
  /** The api's time, for the difference of the clocks. */
  now: time.optional(),
  /** The api takes the events `task_started` and `task_interrupted`. */
  takesTaskStarts: z.literal(true).optional(),
  /** The api takes the event `program_ended`. */
  takesPrograms: z.literal(true).optional(),
  /** Why the worker is not registered: each of its workflows that cannot be, with the reason. */
  refused: z.array(z.string()).optional(),
  wish: workerWish.optional(),
});

/**
 * The cancel as its owner is told of it. `remainingMs` is the time of a body that hears of it now; it and `latestMs` count
 * from receipt: clocks differ between machines.
 */
export const cancelNotice = z.object({
  executionId,
  attempt,
  requestedAt: time,
  requestedBy: z.string(),
  reason: z.string().nullable(),
  cause: cancelCause,
  remainingMs: z.number(),
  /** The grace period of a body, from when it hears of the cancel; absent for a forced cancel. */
  graceMs: z.number().optional(),
  /** Until the last moment that a cleanup may have, however late it begins; absent likewise. */
  latestMs: z.number().optional(),
  /** In a tree, the part of that time which is for what comes after the end of its children; absent: its usual share. */
  spareMs: z.number().optional(),
  /** An owner before has delivered it to the body. */
  delivered: z.boolean().optional(),
});
export type CancelNotice = z.infer<typeof cancelNotice>;

/**
 * How the runner that had it died by itself, if it did: with this execution alone, or with others, any of which may be
 * the cause. Absent when the worker killed it.
 */
const died = z.enum(['alone', 'in_company']).optional();

const deed = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape, at: time });

/** The deeds of a body, as its runner reports them. */
export const checkpointEvent = z.discriminatedUnion('type', [
  deed('task_completed', { ...taskCompletion, startedAt: time }),
  deed('task_failed', { ...taskFailure, startedAt: time }),
  /** A task has begun and goes on. Sent only to an api that takes it (`takesTaskStarts`), as is the next. */
  deed('task_started', { ...taskStart, startedAt: time }),
  /** A task that had begun ends without a result, whether its start was told or not. */
  deed('task_interrupted', { ...taskInterruption, startedAt: time }),
  /** A program was ended with its execution, or lives on. Sent only to an api that takes it (`takesPrograms`). */
  deed('program_ended', programEnd),
  /** A sleep has begun; replay waits only for what is left of it. */
  deed('timer_started', { ...callResult, durationMs: z.number(), dueAt: time }),
  /** `ctx.now`, `ctx.uuid`, `ctx.random`: what replay answers again. */
  deed('value_recorded', { ...callResult, value: jsonValue }),
  /** A completed task was undone, newest first; `error` when its rollback threw. */
  deed('rollback_finished', { ...callResult, error: errorInfo.nullable() }),
  /** The body calls another workflow; recorded before it goes on. */
  deed('child_started', { ...callResult, child: childStart }),
  /** The body is given the end of that child, at this place among its results. */
  deed('child_joined', { ...callResult }),
  /** The signal reached the owner. */
  deed('cancel_delivered', {}),
  /** The body ended. Always the last event of its attempt. */
  deed('finished', {
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
  }),
  /**
   * The execution gives its place back and waits: for `dueAt` (sleep), for a resume (`ctx.pause`, its name in
   * `name`), for a child, or because somebody asked from outside that it pauses (request). Always the last event of
   * its attempt.
   */
  deed('parked', {
    kind: z.enum(['sleep', 'pause', 'child', 'request']),
    callId: z.string().nullable(),
    name: z.string().nullable(),
    dueAt: time.nullable(),
    /** How many ends of children it had heard of; absent: it waits for no child. */
    childrenHeard: z.int().min(0).optional(),
  }),
  /** The owner gives it back unfinished. Always the last event of its attempt. */
  deed('handed_back', {
    reason: z.enum(['drain', 'runner_lost']),
    died,
    cause: deathCause.optional(),
  }),
]);
export type CheckpointEvent = z.infer<typeof checkpointEvent>;
export type FinishedEvent = Extract<CheckpointEvent, { type: 'finished' }>;

/** An event that is too large for a message: its text is a stored one. */
const storedEvent = storedText.extend({ type: z.literal('stored') });
export type StoredEvent = z.infer<typeof storedEvent>;

/** `seq` counts the checkpoints of one attempt from 1, without a gap. */
export const sentCheckpoint = z.object({
  executionId,
  attempt,
  seq: z.int().min(1),
  events: z.array(z.discriminatedUnion('type', [...checkpointEvent.options, storedEvent])).min(1),
});
export type SentCheckpoint = z.infer<typeof sentCheckpoint>;

/** A checkpoint with all that it says. */
export type Checkpoint = Omit<SentCheckpoint, 'events'> & { readonly events: CheckpointEvent[] };

/** worker → api, to a checkpoint partition. Every execution in it belongs to that partition. */
export const checkpointsMessage = z.object({ workerId, items: z.array(sentCheckpoint).min(1) });

/**
 * api → a checkpoint partition: these executions are to be taken back from their workers. The message stands behind all
 * checkpoints that the workers have sent of them: it is obeyed once those are applied.
 */
export const takeBackMessage = z.object({
  items: z
    .array(
      z.object({
        executionId,
        workerId,
        workerState: z.enum(['lost', 'stopped']),
        attempt: attempt.optional(),
      }),
    )
    .min(1),
});

const recorded = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...callResult, ...shape });

/** The end of a child. `number` counts the ends on its parent's record from 1. */
const childFinished = recorded('child_finished', {
  number: z.int().min(1),
  end: childEnd,
  /** Epoch milliseconds of the api's clock. */
  at: time,
});
export type ChildFinished = z.infer<typeof childFinished>;

/** A recorded result, as replay needs it. */
export const historyEntry = z.discriminatedUnion('type', [
  recorded('task_completed', { output: jsonValue, outputTypes: valueTypes.optional() }),
  recorded('task_failed', { error: errorInfo }),
  recorded('timer_started', { durationMs: z.number(), dueAt: time }),
  recorded('value_recorded', { value: jsonValue }),
  recorded('rollback_finished', { error: errorInfo.nullable() }),
  /** The pause of that call has been resumed with `value`. */
  recorded('resumed', { value: jsonValue }),
  recorded('child_started', { child: childLink }),
  childFinished,
  recorded('child_joined', {}),
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
  /** The types that the JSON of the input leaves out. */
  inputTypes: valueTypes.optional(),
  /** The input is too large to come along: the worker asks for it (`input`). */
  inputFollows: z.literal(true).optional(),
  /** The first page of it, perhaps an empty one. */
  history: z.array(historyEntry),
  /** After which event the next page begins; absent when that was all. */
  next: z.int().optional(),
  gracePeriodMs: z.number(),
  /** The least number of ends of children that its history has. */
  childrenHeard: z.int().min(0).optional(),
  /** The execution's runner died lately, perhaps of it. A runner of its own keeps others from dying with it. */
  isolate: z.boolean().default(false),
  /** Give it a process of its own, whatever its workflow says: workers died with it. */
  ownProcess: z.boolean().default(false),
  /** Run-to-cancel: replay, then throw. */
  cancel: cancelNotice.nullable(),
});
export const claimRefusal = z.object({ executionId, granted: z.literal(false), reason: z.string() });
/** The reason of a refusal to a worker that was paused or drained by hand: others may have the execution. */
export const HELD_BY_HAND = 'HELD_BY_HAND';
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

/** worker → api, request: the input of what it owns. May be repeated. */
export const inputRequest = z.object({ workerId, executionId, attempt });
export const inputReply = z.object({ owned: z.boolean(), input: jsonValue });

/** worker → api, request: the end with that number of a child of what it owns. May be repeated. */
export const childEndRequest = inputRequest.extend({ number: z.int().min(1) });
export const childEndReply = z.object({ owned: z.boolean(), entry: childFinished.nullable() });
export type InputReply = z.infer<typeof inputReply>;
export type ChildEndReply = z.infer<typeof childEndReply>;

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
  /** Each with the number of ends of children that it has heard of, counted without a gap. */
  running: z.array(owned.extend({ childrenHeard: z.int().min(0).optional() })),
  blocked: z.array(blockedRunner).default([]),
  /** Claims without an answer yet: the worker may own these executions without knowing. */
  claiming: z.array(executionId).default([]),
  /** Whether an api has asked for it since the lease was renewed last. */
  asked: z.boolean().optional(),
  /** Files of its workflows' folder that are others on the disk by now than what it runs. */
  changedFiles: z.array(z.string()).optional(),
  /** What executions left open in its shared runners since it started. */
  strays: z.array(strays).optional(),
});
export const heartbeatReply = z.object({
  /** False when the api does not know this worker (any more): register again. */
  known: z.boolean(),
  /** Attempts that the worker holds and no longer owns: it has to stop them. */
  fenced: z.array(owned),
  /** Cancels that were not acknowledged. */
  cancels: z.array(cancelNotice),
  /**
   * How long the worker may go on, counted from this heartbeat, where its lease could not be renewed; milliseconds. Only
   * for a worker that says whether it was asked.
   */
  vouchedMs: z.number().optional(),
  /** The api's time, for the difference of the clocks. */
  now: time.optional(),
  wish: workerWish.optional(),
});

/** worker → api, request: this incarnation ends; it holds nothing any more. */
export const deregisterRequest = z.object({ workerId });

/**
 * api → the queue of the workflow: an execution waits for a worker. `version`: of the workflow it began on, `null`
 * without one; absent while no worker has had it.
 */
export const runMessage = z.object({
  executionId,
  workflowName,
  version: workflowVersion.nullable().optional(),
  /** A cancel, a rollback or a shield waits for it: it takes a place that is kept for those, if no other is free. */
  cleanup: z.literal(true).optional(),
  /** The execution whose cleanup it is part of, its parent or itself: a paused worker takes what its own need. */
  cleanupOf: executionId.optional(),
});
/** api → the control queue of a worker that answers: the queue may have given that execution to one that does not. */
export const offerMessage = runMessage;
/** api → the owner's control queue. */
export const cancelMessage = cancelNotice;
/** api → the owner's control queue: a later attempt runs elsewhere, or it has ended; stop yours. */
export const fenceMessage = owned;
/** api → the owner's control queue: somebody asks that it pauses; the runner parks it at its next call. */
export const pauseMessage = owned;
/**
 * api → the owner's control queue: a child of that execution has ended. Without `end`, which is too large then, the
 * worker asks how (`child_end`).
 */
export const childMessage = owned.extend({ entry: childFinished.partial({ end: true }) });
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
/**
 * api → every worker's control queue, mandatory, once a second; `asks` for a heartbeat at once. A `wish` comes this way
 * too: to a worker of an older version it is a ping.
 */
export const pingMessage = z.object({
  at: time,
  asks: z.boolean().optional(),
  wish: workerWish.optional(),
});

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
  input: inputRequest,
  child_end: childEndRequest,
  put_piece: putPieceRequest,
  stored: storedRequest,
  heartbeat: heartbeatRequest,
  deregister: deregisterRequest,
  checkpoints: checkpointsMessage,
  take_back: takeBackMessage,
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
