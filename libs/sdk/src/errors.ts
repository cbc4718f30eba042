import type { ErrorInfo } from '@flux/contracts';

/**
 * What `ctx.run` rejects with when a task failed. It carries the name, message and stack of the task's own
 * error, and nothing more, so that a replay rejects with the same.
 */
export class TaskError extends Error {
  override readonly name: string;
  /** The error code of Flux, where the task's error has one. */
  readonly code: string | undefined;

  constructor(
    readonly taskName: string,
    info: ErrorInfo,
  ) {
    super(info.message);
    this.name = info.name;
    this.code = info.code;
    if (info.stack !== undefined) this.stack = info.stack;
  }
}

/** A task, a shield or a scope took longer than its `timeout`; also the reason of the signal it got. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/**
 * The reason of every signal of an execution that this worker may not run any more, because another attempt
 * owns it. It is no cancel: nothing is cleaned up here, and every `ctx` call rejects with it.
 */
export class OwnershipLostError extends Error {
  override readonly name = 'OwnershipLostError';
}

/** Shared by every copy of the SDK in a process, where `instanceof` is not. */
const NON_RETRYABLE = Symbol.for('flux.nonRetryable');

/** What a task throws when another try cannot help: its tries end with it. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError';
  readonly [NON_RETRYABLE] = true;
}

/** True for a {@link NonRetryableError} of any copy of the SDK. */
export function isNonRetryable(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as { [NON_RETRYABLE]?: unknown })[NON_RETRYABLE] === true
  );
}
