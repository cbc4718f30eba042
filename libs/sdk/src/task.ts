import type { RetryPolicy } from '@flux/domain';
import type { TaskContext } from './task-context.js';
import { assertName, assertOptions, toMilliseconds, type Duration } from './options.js';

export interface RetryOptions {
  /** Tries in all, the first included; ≥ 1. */
  readonly maxAttempts: number;
  /** The delay before the second try. Default `1s`. */
  readonly delay?: Duration;
  /** Each further delay is the one before times this; ≥ 1. Default 2. */
  readonly backoff?: number;
  /** No delay is longer. Default `1m`. */
  readonly maxDelay?: Duration;
  /** The share of each delay that is up to chance: 0 (none, the default) to 1; `true` is 1. */
  readonly jitter?: number | boolean;
  /**
   * Whether another try makes sense; asked after a failed try that is not the last. Default: always, except after
   * a {@link NonRetryableError}, which is never tried again. What it throws is the task's error.
   */
  readonly retryable?: (error: unknown) => boolean;
}

export interface TaskOptions<I, O> {
  /** Default: one try. A cancel ends the tries at once. */
  readonly retry?: RetryOptions;
  /** The time limit of each try. A try whose time is up fails with a `TimeoutError`, and its `ctx.signal` aborts. */
  readonly timeout?: Duration;
  /**
   * Called once, after the last try has failed; its result is the task's. What it throws is the task's error. A
   * cancel skips it.
   */
  readonly fallback?: (ctx: TaskContext, input: I, error: unknown) => O | PromiseLike<O>;
  /**
   * Undoes the task when it has completed and its execution fails or is cancelled. The rollbacks of an execution run
   * one after the other, newest task first, after all that it had started has ended, out of the cancel's reach and
   * within the grace period. Each runs once; between a worker's death and the record it may run again. One that
   * throws does not stop the others.
   */
  readonly rollback?: (ctx: TaskContext, input: I, output: O) => void | PromiseLike<void>;
}

/** A named function whose result is recorded. */
export interface Task<I, O> {
  readonly name: string;
  readonly body: (ctx: TaskContext, input: I) => O | PromiseLike<O>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly retryable: ((error: unknown) => boolean) | null;
  readonly fallback: ((ctx: TaskContext, input: never, error: unknown) => unknown) | null;
  readonly rollback: ((ctx: TaskContext, input: never, output: never) => unknown) | null;
}

export type TaskInput<T> = T extends Task<infer I, unknown> ? I : never;
export type TaskOutput<T> = T extends Task<never, infer O> ? O : never;

/**
 * A task for `ctx.run`, `ctx.map` and `ctx.pipeline`. Its output is recorded, as `ExecutionContext` says. Between a worker's death and
 * the record it may run again, so what it does should bear repetition.
 * @throws TypeError for a bad name or option
 */
export function task<I = undefined, O = unknown>(
  name: string,
  body: (ctx: TaskContext, input: I) => O | PromiseLike<O>,
  options: TaskOptions<I, O> = {},
): Task<I, O> {
  assertName('task', name);
  assertOptions(`task '${name}'`, options, ['retry', 'timeout', 'fallback', 'rollback']);
  const { retry, timeout, fallback, rollback } = options;
  return Object.freeze({
    name,
    body,
    retry: retryPolicy(name, retry),
    timeoutMs: timeout === undefined ? null : toMilliseconds(timeout),
    retryable: retry?.retryable ?? null,
    fallback: fallback ?? null,
    rollback: rollback ?? null,
  });
}

function retryPolicy(taskName: string, options: RetryOptions = { maxAttempts: 1 }): RetryPolicy {
  const owner = `retry of task '${taskName}'`;
  assertOptions(owner, options, ['maxAttempts', 'delay', 'backoff', 'maxDelay', 'jitter', 'retryable']);
  const { maxAttempts, delay = '1s', backoff = 2, maxDelay = '1m' } = options;
  const jitter = Number(options.jitter ?? 0);
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw new TypeError(`${owner}: maxAttempts is a whole number ≥ 1, not ${maxAttempts}`);
  }
  if (!(backoff >= 1)) throw new TypeError(`${owner}: backoff is a number ≥ 1, not ${backoff}`);
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new TypeError(`${owner}: jitter is a number from 0 to 1, or a boolean, not ${options.jitter}`);
  }
  return {
    maxAttempts,
    delayMs: toMilliseconds(delay),
    backoff,
    maxDelayMs: toMilliseconds(maxDelay),
    jitter,
  };
}
