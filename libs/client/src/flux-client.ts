import type {
  BulkCancelResource,
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionReceipt,
  ExecutionResource,
  HealthResource,
  ListedExecutionResource,
  NamedWorkers,
  WorkerPage,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
import type { BulkCalls } from './cancellations.js';
import type { ScheduleCalls } from './schedule-types.js';
import type {
  AskWorkersRequest,
  CallOptions,
  CancelAllRequest,
  CancelCommand,
  ExecutionFilter,
  PageOptions,
  PauseRequest,
  ResumedExecution,
  ResumeRequest,
  StartedExecution,
  StartRequest,
  StatusOptions,
  StreamRequest,
  UndoRequest,
  WaitedExecution,
  WaitOptions,
  WatchOptions,
} from './types.js';

/** A call that asks something of the workers of a name. */
type AskWorkers = (name: string, request?: AskWorkersRequest, options?: CallOptions) => Promise<NamedWorkers>;

/** A call that does something to an execution. */
type Act<Request, Result = ExecutionResource, Options = CallOptions> = (
  workflowName: string,
  executionId: string,
  request?: Request,
  options?: Options,
) => Promise<Result>;

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
  /** A page of the history, oldest first. */
  events(workflowName: string, executionId: string, options?: PageOptions): Promise<EventPage>;
  /**
   * What became of an execution: done, undone, and cut off with unknown effect. Each part has a page, which goes on at its
   * own `nextCursor`.
   */
  receipt(workflowName: string, executionId: string, options?: PageOptions): Promise<ExecutionReceipt>;
  /**
   * Yields each event once, in order, as it happens, and ends after the execution's last. A lost connection is
   * made again where it was cut, with up to 10 tries in a row (half a minute), then `SERVER_UNREACHABLE`.
   */
  watch(
    workflowName: string,
    executionId: string,
    options?: WatchOptions,
  ): AsyncGenerator<EventResource, void, undefined>;
  /** A page of executions, newest first; with their values where `include` asks for them. A page ends at 1 MiB too. */
  list(filter?: ExecutionFilter, options?: CallOptions): Promise<ExecutionPage>;
  /** Every execution that fits, page by page as it is read. */
  listAll(
    filter?: ExecutionFilter,
    options?: CallOptions,
  ): AsyncGenerator<ListedExecutionResource, void, undefined>;

  /** Asks for the cancel; returned in CANCELLING (or CANCELLED), the cancel can no longer be lost. */
  cancel: Act<CancelCommand>;
  /**
   * Asks for the cancel and waits for the execution's end, in requests of at most a minute as `startAndWait`.
   * It may end COMPLETED or FAILED: `cancellation.outcome` is then `already_completed`.
   */
  cancelAndWait: Act<CancelCommand, WaitedExecution, WaitOptions>;

  /**
   * Takes a cancel back while nothing has been signalled: no signal of it will reach the body. Rejects with
   * `CANCEL_ALREADY_DELIVERED` after that, with `EXECUTION_NOT_CANCELLING` where there is none.
   */
  undoCancel: Act<UndoRequest>;

  /** Asks that it pauses: PAUSED when it does, RUNNING until its worker has parked it. */
  pause: Act<PauseRequest>;
  /** Lets a paused execution go on, or withdraws a pause that has not taken effect. */
  resume: Act<ResumeRequest, ResumedExecution>;

  workflows(options?: CallOptions): Promise<WorkflowPage>;
  workflow(workflowName: string, options?: CallOptions): Promise<WorkflowResource>;
  workers(options?: CallOptions): Promise<WorkerPage>;
  /** Has the workers of a name take nothing new until they are resumed, those that are started later too. */
  pauseWorker: AskWorkers;
  /** Has them take executions again, after a pause or a drain. */
  resumeWorker: AskWorkers;
  /** Has them hand over what they run, and take nothing new until they are resumed. */
  drainWorker: AskWorkers;
  /** Cancels what the workers of a name hold at this moment, as a bulk cancel. */
  cancelAllOfWorker(
    name: string,
    request?: CancelAllRequest,
    options?: CallOptions,
  ): Promise<BulkCancelResource>;
  /** `live`: the process answers; `ready`: it can serve. A server that is down in parts answers `down`. */
  health(kind: 'live' | 'ready', options?: CallOptions): Promise<HealthResource>;
}
