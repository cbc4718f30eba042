import type {
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionResource,
  HealthResource,
  WorkerPage,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
import type { BulkCalls } from './cancellations.js';
import type { ExecutionState } from './domain.js';
import type { ScheduleCalls } from './schedule-types.js';

export interface FluxClientOptions {
  /** Where the api listens, such as `http://127.0.0.1:8000`; a path in it is kept. */
  readonly serverUrl: string;
  /** Who calls, for the audit trail; printable ASCII. Without it the server notes `anonymous`. */
  readonly actor?: string;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. What the server has accepted goes on. */
  readonly signal?: AbortSignal;
}

export interface StartRequest {
  readonly input?: unknown;
  /** The same id again with the same input is the same execution; see `newExecutionId`. */
  readonly executionId?: string;
  readonly idempotencyKey?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The execution's own time limit, a duration such as `1h`. */
  readonly timeout?: string;
}
export type StreamRequest = Omit<StartRequest, 'idempotencyKey'>;

export interface StartedExecution {
  readonly execution: ExecutionResource;
  /** False when the id or the idempotency key named an execution that was there already. */
  readonly created: boolean;
}

export interface WaitOptions extends CallOptions {
  /** How long to wait at most, a duration of any length; 30 s by default. */
  readonly timeout?: string;
}

export interface WaitedExecution {
  readonly execution: ExecutionResource;
  /** False when the time ran out first: `execution` is then as it was at that moment. */
  readonly finished: boolean;
}

export interface CancelRequest {
  readonly reason?: string;
  /** Brings the deadline to now. */
  readonly force?: boolean;
  /** A duration; the workflow's own by default. */
  readonly gracePeriod?: string;
  /** A duration for which the execution goes on; until then `undoCancel` takes it back. */
  readonly delay?: string;
}

export interface UndoRequest {
  readonly reason?: string;
}

export interface PauseRequest {
  readonly reason?: string;
}

export interface ResumeRequest {
  /** The value of the `ctx.pause` that it ends; `null` without it. */
  readonly input?: unknown;
}

export interface ResumedExecution {
  readonly execution: ExecutionResource;
  /** There was nothing to resume yet: the next `ctx.pause` of its body takes it. */
  readonly kept: boolean;
}

export interface StatusOptions extends CallOptions {
  /** Adds `events`. */
  readonly detailed?: boolean;
}

export interface EventsOptions extends CallOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface WatchOptions extends CallOptions {
  /** Only what comes after this event; from the first one by default. */
  readonly lastEventId?: string;
}

export interface ExecutionFilter {
  readonly workflowName?: string;
  readonly state?: ExecutionState | readonly ExecutionState[];
  readonly labels?: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly createdAfter?: string;
  /** ISO 8601. */
  readonly createdBefore?: string;
  readonly parentExecutionId?: string;
  /** Items a page. */
  readonly limit?: number;
  readonly cursor?: string;
}

/**
 * The REST API, typed. Every call rejects with a `FluxError` that carries the server's `code`, `hint` and
 * `details` (with the HTTP `status`, and `state` where the server names it); `SERVER_UNREACHABLE` when there
 * was no answer of a Flux server. The client sets no time limit of its own on a call.
 */
export interface FluxClient extends BulkCalls, ScheduleCalls {
  readonly serverUrl: string;

  /** Starts an execution and returns as soon as the server has it. */
  start(workflowName: string, request?: StartRequest, options?: CallOptions): Promise<StartedExecution>;
  /**
   * Starts an execution and waits for its end, in requests of at most a minute, so that no limit of an HTTP
   * client or proxy ends the wait. Without an id and an idempotency key in the request the client chooses the
   * id: a repeated request is the same execution. A connection lost meanwhile is made again.
   */
  startAndWait(workflowName: string, request?: StartRequest, options?: WaitOptions): Promise<WaitedExecution>;
  /** Starts an execution and yields its events until its end, as `watch` does. */
  startAndWatch(
    workflowName: string,
    request?: StreamRequest,
    options?: CallOptions,
  ): AsyncGenerator<EventResource, void, undefined>;

  get(workflowName: string, executionId: string, options?: StatusOptions): Promise<ExecutionResource>;
  /** One page of the history, oldest first. */
  events(workflowName: string, executionId: string, options?: EventsOptions): Promise<EventPage>;
  /**
   * Yields each event once, in order, as it happens, and ends after the execution's last. A lost connection is
   * made again where it was cut, with up to 10 tries in a row (half a minute), then `SERVER_UNREACHABLE`.
   */
  watch(
    workflowName: string,
    executionId: string,
    options?: WatchOptions,
  ): AsyncGenerator<EventResource, void, undefined>;
  /** One page, newest first. */
  list(filter?: ExecutionFilter, options?: CallOptions): Promise<ExecutionPage>;
  /** Every execution that fits, page by page as it is read. */
  listAll(
    filter?: ExecutionFilter,
    options?: CallOptions,
  ): AsyncGenerator<ExecutionResource, void, undefined>;

  /** Asks for the cancel; returned in CANCELLING (or CANCELLED), the cancel can no longer be lost. */
  cancel(
    workflowName: string,
    executionId: string,
    request?: CancelRequest,
    options?: CallOptions,
  ): Promise<ExecutionResource>;
  /**
   * Asks for the cancel and waits for the execution's end, in requests of at most a minute as `startAndWait`.
   * It may end COMPLETED or FAILED: `cancellation.outcome` is then `already_completed`.
   */
  cancelAndWait(
    workflowName: string,
    executionId: string,
    request?: CancelRequest,
    options?: WaitOptions,
  ): Promise<WaitedExecution>;

  /**
   * Takes a cancel back while nothing has been signalled: no signal of it will reach the body. Rejects with
   * `CANCEL_ALREADY_DELIVERED` after that, with `EXECUTION_NOT_CANCELLING` where there is none.
   */
  undoCancel(
    workflowName: string,
    executionId: string,
    request?: UndoRequest,
    options?: CallOptions,
  ): Promise<ExecutionResource>;

  /** Asks that it pauses: PAUSED when it does, RUNNING until its worker has parked it. */
  pause(
    workflowName: string,
    executionId: string,
    request?: PauseRequest,
    options?: CallOptions,
  ): Promise<ExecutionResource>;
  /** Lets a paused execution go on, or withdraws a pause that has not taken effect. */
  resume(
    workflowName: string,
    executionId: string,
    request?: ResumeRequest,
    options?: CallOptions,
  ): Promise<ResumedExecution>;

  workflows(options?: CallOptions): Promise<WorkflowPage>;
  workflow(workflowName: string, options?: CallOptions): Promise<WorkflowResource>;
  workers(options?: CallOptions): Promise<WorkerPage>;
  /** `live`: the process answers; `ready`: it can serve. A server that is down in parts answers `down`. */
  health(kind: 'live' | 'ready', options?: CallOptions): Promise<HealthResource>;
}
