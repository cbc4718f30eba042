import { formatDuration, LongTimer, retryDelay, sleep } from '@flux/domain';
import { isNonRetryable, TimeoutError, type Task, type TaskContext } from '@flux/sdk';
import type { Scope } from '../scope.js';

export type AnyTask = Task<never, unknown>;

/** How a task ended, after `tries` tries. */
export type TaskResult =
  | {
      readonly tries: number;
      readonly ok: true;
      readonly output: unknown;
      /** The error of the last try, where the output is the fallback's. */
      readonly fallbackFor?: unknown;
    }
  | { readonly tries: number; readonly ok: false; readonly error: unknown };

/**
 * Runs a task until a try succeeds or none is left, and then its fallback. Every try is in flight until its
 * function has settled, also one whose time is up. An abort of `scope` ends the waiting between tries by a
 * rejection, and no fallback begins after it.
 * @param assertOwned asked before anything begins that time has passed before; what it throws ends the tries
 */
export async function runTries(
  task: AnyTask,
  input: unknown,
  context: Omit<TaskContext, 'signal'>,
  scope: Scope,
  assertOwned?: () => void,
): Promise<TaskResult> {
  const start = (signal: AbortSignal): Promise<unknown> =>
    scope.inFlight.track(() => task.body({ ...context, signal }, input as never));
  for (let tries = 1; ; tries += 1) {
    try {
      const { timeoutMs } = task;
      const output = await (timeoutMs === null
        ? start(scope.signal)
        : scope.follow((controller) => limit(task.name, timeoutMs, controller, start)));
      return { tries, ok: true, output };
    } catch (error) {
      const next = scope.signal.aborted ? { error } : nextTry(task, tries, error);
      if ('error' in next) {
        if (task.fallback) assertOwned?.();
        return fallBack(task, input, context, scope, { tries, ...next });
      }
      await scope.follow(({ signal }) => sleep(next.delayMs, signal));
      assertOwned?.();
    }
  }
}

/** When to try again, or the error that the task fails with. */
function nextTry(
  task: AnyTask,
  tries: number,
  error: unknown,
): { readonly delayMs: number } | { readonly error: unknown } {
  const delayMs = retryDelay(task.retry, tries, Math.random());
  if (delayMs === undefined || isNonRetryable(error)) return { error };
  try {
    return (task.retryable?.(error) ?? true) ? { delayMs } : { error };
  } catch (fault) {
    return { error: fault };
  }
}

async function fallBack(
  task: AnyTask,
  input: unknown,
  context: Omit<TaskContext, 'signal'>,
  scope: Scope,
  { tries, error }: { readonly tries: number; readonly error: unknown },
): Promise<TaskResult> {
  const { signal } = scope;
  if (!task.fallback || signal.aborted) return { tries, ok: false, error };
  try {
    const output = await task.fallback({ ...context, signal }, input as never, error);
    return { tries, ok: true, output, fallbackFor: error };
  } catch (fault) {
    return { tries, ok: false, error: fault };
  }
}

/** Makes a try with a limit: at `timeoutMs` its signal aborts and it fails, whatever its function does then. */
async function limit(
  taskName: string,
  timeoutMs: number,
  controller: AbortController,
  start: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  let timer: LongTimer | undefined;
  const timedOut = new Promise<never>((_resolve, reject) => {
    timer = new LongTimer(timeoutMs, () => {
      const error = new TimeoutError(`task '${taskName}' took longer than ${formatDuration(timeoutMs)}`);
      reject(error);
      controller.abort(error);
    });
  });
  try {
    return await Promise.race([start(controller.signal), timedOut]);
  } finally {
    timer?.clear();
  }
}
