import type { RetryPolicy } from '@flux/domain';
import type { TaskContext } from './context.js';
import { assertName, assertOptions, toMilliseconds, type Duration } from './options.js';

export interface RetryOptions {
  /** Tries in all, the first included; ≥ 1. */
  readonly maxAttempts: number;
  /** Before the second try. Default `1s`. */
  readonly delay?: Duration;
  /** Each further delay is the one before times this; ≥ 1. Default 2. */
  readonly backoff?: number;
  /** No delay is longer. Default `1m`. */
  readonly maxDelay?: Duration;
}

export interface TaskOptions {
  /** Default: one try. A cancel ends the tries at once. */
  readonly retry?: RetryOptions;
  /** For each try; when it is up the try fails with a `TimeoutError` and its `ctx.signal` aborts. */
  readonly timeout?: Duration;
}

/** A named function whose result is recorded. */
export interface Task<I, O> {
  readonly name: string;
  readonly body: (ctx: TaskContext, input: I) => O | PromiseLike<O>;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
}

export type TaskInput<T> = T extends Task<infer I, unknown> ? I : never;
export type TaskOutput<T> = T extends Task<never, infer O> ? O : never;

/**
 * A task for `ctx.run` and `ctx.map`. Its output is recorded as JSON. Between a worker's death and the
 * record it may run again, so what it does should bear repetition.
 * @throws TypeError for a bad name or option
 */
export function task<I = undefined, O = unknown>(
  name: string,
  body: (ctx: TaskContext, input: I) => O | PromiseLike<O>,
  options: TaskOptions = {},
): Task<I, O> {
  assertName('task', name);
  assertOptions(`task '${name}'`, options, ['retry', 'timeout']);
  return Object.freeze({
    name,
    body,
    retry: retryPolicy(name, options.retry),
    timeoutMs: options.timeout === undefined ? null : toMilliseconds(options.timeout),
  });
}

function retryPolicy(taskName: string, options: RetryOptions = { maxAttempts: 1 }): RetryPolicy {
  const owner = `retry of task '${taskName}'`;
  assertOptions(owner, options, ['maxAttempts', 'delay', 'backoff', 'maxDelay']);
  const { maxAttempts, delay = '1s', backoff = 2, maxDelay = '1m' } = options;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw new TypeError(`${owner}: maxAttempts is a whole number ≥ 1, not ${maxAttempts}`);
  }
  if (!(backoff >= 1)) throw new TypeError(`${owner}: backoff is a number ≥ 1, not ${backoff}`);
  return { maxAttempts, delayMs: toMilliseconds(delay), backoff, maxDelayMs: toMilliseconds(maxDelay) };
}
