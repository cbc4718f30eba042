import type { CancelledError } from './cancelled-error.js';
import type { Duration } from './options.js';
import type { Task } from './task.js';

/** Facts beside a log line; JSON values. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes to the worker's log, marked with the execution and its workflow. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

interface Context {
  readonly executionId: string;
  /** Rises by one with each worker that takes the execution over; fence your own systems with it. */
  readonly attempt: number;
  readonly log: Logger;
}

/** What a task gets. */
export interface TaskContext extends Context {
  /** Aborts when the execution is cancelled, when the task's time is up, or when its workflow ends. */
  readonly signal: AbortSignal;
}

export interface MapOptions {
  /** How many run at a time, ≥ 1. Default: all. */
  readonly concurrency?: number;
}

export interface ShieldOptions {
  /** When it is up the shield rejects with a `TimeoutError`, which is also the reason of its signal. */
  readonly timeout?: Duration;
}

/**
 * What a workflow gets. Results are recorded: when another worker takes over, the body runs again from its
 * start and calls that have a result return it without running. So the body makes the same calls in the same
 * order for the same input. Values are recorded as JSON, and the first run sees them as JSON too: a `Date`
 * arrives as text and `undefined` as `null`.
 */
export interface ExecutionContext extends Context {
  /** Aborts with a `CancelledError` on cancel; inside a shield it is the shield's own. */
  readonly signal: AbortSignal;
  /** True from the moment the cancel arrives, inside shields too. */
  readonly isCancelled: boolean;
  /**
   * Runs a task, or returns its recorded result.
   * @throws TaskError when it failed · CancelledError at once on cancel, while the task unwinds
   */
  run<I, O>(task: Task<I, O>, ...input: undefined extends I ? [input?: I] : [input: I]): Promise<O>;
  /**
   * Runs a task for each input; outputs keep the order of the inputs. After a failure nothing new starts, and
   * once what runs has ended it rejects with the failure of the first input that has one.
   */
  map<I, O>(task: Task<I, O>, inputs: readonly I[], options?: MapOptions): Promise<O[]>;
  /** Waits; after a takeover only for what is left. */
  sleep(duration: Duration): Promise<void>;
  /**
   * Runs `fn` out of the cancel's reach, before the cancel or after it: calls inside work, and `ctx.signal`
   * inside does not abort. A cancel that arrives meanwhile surfaces at the next call after the shield.
   */
  shield<T>(fn: () => T | PromiseLike<T>, options?: ShieldOptions): Promise<T>;
  /**
   * Runs `fn` once on cancel, right after the signal and in a shield; the handlers run one after the other,
   * newest first. When one throws the others run all the same, and the cleanup counts as failed.
   * @returns how to take it back
   */
  onCancel(fn: (error: CancelledError) => void | PromiseLike<void>): () => void;
}
