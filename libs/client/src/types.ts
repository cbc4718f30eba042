import type {
  cancelAllBody,
  cancelBody,
  ExecutionResource,
  pauseBody,
  resumeBody,
  Sent,
  startBody,
  undoQuery,
  workerWishBody,
} from '@flux/contracts';
import type { ExecutionState } from '@flux/domain';

export interface FluxClientOptions {
  /** The address where the api listens, such as `http://127.0.0.1:8000`; a path in it is kept. */
  readonly serverUrl: string;
  /** The caller, for the audit trail; printable ASCII. Without it the server notes `anonymous`. */
  readonly actor?: string;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. What the server has accepted goes on. */
  readonly signal?: AbortSignal;
}

export type StartRequest = Sent<typeof startBody> & { readonly idempotencyKey?: string | undefined };

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

export type CancelCommand = Sent<typeof cancelBody>;
export type UndoRequest = Sent<typeof undoQuery>;
export type PauseRequest = Sent<typeof pauseBody>;
export type ResumeRequest = Sent<typeof resumeBody>;
export type AskWorkersRequest = Sent<typeof workerWishBody>;
export type CancelAllRequest = Sent<typeof cancelAllBody>;

export interface ResumedExecution {
  readonly execution: ExecutionResource;
  /** There was nothing to resume yet: the next `ctx.pause` of its body takes it. */
  readonly kept: boolean;
}

export interface StatusOptions extends CallOptions {
  /** Adds `events`. */
  readonly detailed?: boolean;
}

/** The page of a list. */
export interface Page {
  /** Items a page. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export type PageOptions = Page & CallOptions;

export interface WatchOptions extends CallOptions {
  /** Only what comes after this event; from the first one by default. */
  readonly lastEventId?: string;
}

export interface ExecutionFilter extends Page {
  readonly workflowName?: string;
  readonly state?: ExecutionState | readonly ExecutionState[];
  readonly labels?: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly createdAfter?: string;
  /** ISO 8601. */
  readonly createdBefore?: string;
  readonly parentExecutionId?: string;
  /** The values that the items carry; without it none. */
  readonly include?: ReadonlyArray<'input' | 'output'> | undefined;
}
