import type { ExecutionReceipt, ExecutionResource, ListQuery, ProgressUpdate } from '@flux/contracts';
import type { Share } from '../flow/response-memory.js';
import type { StartCommand } from '../lifecycle/start.js';
import type { ReceiptWish } from './receipt.js';
import type { ToldEvent } from './resource.js';

export interface Started {
  readonly execution: ExecutionResource;
  /** False when the same request had started it before. */
  readonly created: boolean;
}

interface Command {
  readonly workflowName: string;
  readonly executionId: string;
  readonly requestedBy: string;
}

export interface PauseCommand extends Command {
  readonly reason: string | null;
}

export type UndoCommand = PauseCommand;

export interface CancelCommand extends PauseCommand {
  readonly force: boolean;
  /** Milliseconds; absent: the workflow's, else the deployment's. */
  readonly gracePeriodMs: number | undefined;
  /** Milliseconds; absent: at once. */
  readonly delayMs?: number | undefined;
}

export interface ResumeCommand extends Command {
  /** The value of the `ctx.pause` that it resumes; REST passes `null` where the request has none. */
  readonly input: unknown;
  /** The name or the call of the pause that is meant; absent: the one that it waits in, else the next. */
  readonly pause?: string | undefined;
}

export interface Resumed {
  readonly execution: ExecutionResource;
  /** Whether there was nothing to resume yet: the next `ctx.pause` takes the resume. */
  readonly kept: boolean;
}

/** Who follows what from where on. */
export interface Following {
  readonly executionId: string;
  readonly afterSeq: number;
  readonly signal: AbortSignal;
  readonly share: Share;
}

export interface HistoryQuery {
  /** Only events with a greater number. */
  readonly afterSeq: number;
  readonly limit: number;
}

/**
 * The JSON text of an answer: pieces of bounded size, the last of which is returned. Each is read once the one before
 * was taken, and the answer's share of memory is held for each before.
 */
export type JsonPieces = AsyncIterator<string, string, undefined>;

/**
 * The operations of REST on executions. An ExecutionResource from here may have StoredJson in place of its values. Errors are FluxErrors: `WORKFLOW_NOT_FOUND`, `EXECUTION_NOT_FOUND` (also for
 * the wrong workflow name), `INVALID_INPUT`, `EXECUTION_CONFLICT`, `EXECUTION_ALREADY_FINISHED` and
 * `EXECUTION_CANCELLING` with `details.state`, `DATABASE_UNAVAILABLE`; of a resume `PAUSE_PASSED`, `PAUSE_NOT_NAMED` and
 * `TOO_MANY_RESUMES` too.
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
  /** The JSON text of what `start`, `cancel` and the others resolve with. */
  answer(execution: ExecutionResource, share: Share): JsonPieces;
  /** An ExecutionResource, with its whole history where it is `detailed`. */
  status(workflowName: string, executionId: string, detailed: boolean, share: Share): JsonPieces;
  /** An EventPage. */
  history(workflowName: string, executionId: string, query: HistoryQuery, share: Share): JsonPieces;
  receipt(workflowName: string, executionId: string, wish: ReceiptWish): Promise<ExecutionReceipt>;
  /** An ExecutionPage. */
  list(query: ListQuery, share: Share): JsonPieces;
  /** Resolves if there is one. */
  find(workflowName: string, executionId: string): Promise<void>;
  /**
   * Resolves when the execution is terminal, at the latest after `timeoutMs` (milliseconds), with its present
   * state; at once when `signal` aborts. Sees what other api replicas applied.
   */
  waitUntilTerminal(executionId: string, timeoutMs: number, signal: AbortSignal): Promise<ExecutionResource>;
  /**
   * History from after `afterSeq` on, live, in batches of consecutive events, for each of which the share is held until
   * the next one is asked for; ends after the terminal event or when `signal` aborts. Sees what other api replicas applied.
   */
  follow(following: Following): AsyncIterable<ToldEvent[]>;
  /** Calls `listener` with the progress of the execution's tasks, best effort, until the returned function is called. */
  onProgress(executionId: string, listener: (update: ProgressUpdate) => void): () => void;
}
