import type {
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionResource,
  ListQuery,
  ProgressUpdate,
} from '@flux/contracts';

/** A request to start an execution; its shape has been checked, its input has not. */
export interface StartCommand {
  readonly workflowName: string;
  /** REST passes `{}` where the request has none. */
  readonly input: unknown;
  readonly executionId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** The execution's own time limit in milliseconds. */
  readonly timeoutMs: number | undefined;
  readonly requestedBy: string;
}

export interface Started {
  readonly execution: ExecutionResource;
  /** False when the same request had started it before. */
  readonly created: boolean;
}

export interface CancelCommand {
  readonly workflowName: string;
  readonly executionId: string;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly force: boolean;
  /** Milliseconds; absent: the workflow's, else the deployment's. */
  readonly gracePeriodMs: number | undefined;
  /** Milliseconds; absent: at once. */
  readonly delayMs?: number | undefined;
}

export interface UndoCommand {
  readonly workflowName: string;
  readonly executionId: string;
  readonly requestedBy: string;
  readonly reason: string | null;
}

export interface PauseCommand {
  readonly workflowName: string;
  readonly executionId: string;
  readonly requestedBy: string;
  readonly reason: string | null;
}

export interface ResumeCommand {
  readonly workflowName: string;
  readonly executionId: string;
  readonly requestedBy: string;
  /** The value of the `ctx.pause` that it resumes; REST passes `null` where the request has none. */
  readonly input: unknown;
}

export interface Resumed {
  readonly execution: ExecutionResource;
  /** There was nothing to resume yet: the next `ctx.pause` takes it. */
  readonly kept: boolean;
}

export interface HistoryQuery {
  /** Only events with a greater number. */
  readonly afterSeq: number;
  readonly limit: number;
}

/**
 * What REST asks of executions. Errors are FluxErrors: `WORKFLOW_NOT_FOUND`, `EXECUTION_NOT_FOUND` (also for the
 * wrong workflow name), `INVALID_INPUT`, `EXECUTION_CONFLICT`, `EXECUTION_ALREADY_FINISHED` and
 * `EXECUTION_CANCELLING` with `details.state`, `DATABASE_UNAVAILABLE`.
 */
export interface ExecutionService {
  start(command: StartCommand): Promise<Started>;
  /** Resolves once the cancel is durable, with the execution as that transaction left it. */
  cancel(command: CancelCommand): Promise<ExecutionResource>;
  /**
   * Takes a cancel back; once it resolves, no signal of it will reach the body. `CANCEL_ALREADY_DELIVERED` after that,
   * `EXECUTION_NOT_CANCELLING` where there is none.
   */
  undoCancel(command: UndoCommand): Promise<ExecutionResource>;
  /** Resolves once the request is durable: PAUSED, or RUNNING until its worker has parked it. */
  pause(command: PauseCommand): Promise<ExecutionResource>;
  /** Resolves once the resume is durable, with the execution as that transaction left it. */
  resume(command: ResumeCommand): Promise<Resumed>;
  get(workflowName: string, executionId: string, detailed: boolean): Promise<ExecutionResource>;
  history(workflowName: string, executionId: string, query: HistoryQuery): Promise<EventPage>;
  list(query: ListQuery): Promise<ExecutionPage>;
  /**
   * Resolves when the execution is terminal, at the latest after `timeoutMs` (milliseconds), with its present
   * state; at once when `signal` aborts. Sees what other api replicas applied.
   */
  waitUntilTerminal(executionId: string, timeoutMs: number, signal: AbortSignal): Promise<ExecutionResource>;
  /**
   * History from after `afterSeq` on, live, in batches of consecutive events; ends after the terminal event or when
   * `signal` aborts. Sees what other api replicas applied.
   */
  follow(executionId: string, afterSeq: number, signal: AbortSignal): AsyncIterable<EventResource[]>;
  /** Calls `listener` with what its tasks tell of their progress, best effort. Returns how to end it. */
  onProgress(executionId: string, listener: (update: ProgressUpdate) => void): () => void;
}

/** Injection token of the {@link ExecutionService}. */
export const EXECUTION_SERVICE = Symbol('ExecutionService');
