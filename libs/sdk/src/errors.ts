import type { ErrorInfo } from '@flux/contracts';
import { brand, hasBrand } from './brand.js';

/**
 * The rejection of `ctx.run` when a task failed. The error carries what the record has of the task's own error and
 * nothing more, so that a replay rejects with the same: name, message, stack, code, cause, the errors of an
 * AggregateError, and the plain fields of its own, such as `status`.
 */
export class TaskError extends Error {
  override readonly name: string;
  /** The error's own code, such as `ECONNREFUSED`, or Flux's. */
  readonly code: string | number | undefined;
  /** The errors that the task's error stands for. */
  declare readonly errors?: readonly Error[];
  readonly [field: string]: unknown;

  constructor(
    readonly taskName: string,
    info: ErrorInfo,
  ) {
    super(info.message, causeOf(info));
    this.name = info.name;
    this.code = codeOf(info);
    addRest(this, info);
  }
}

/** An error as its record has it. */
export function errorOf(info: ErrorInfo): Error & { readonly code?: string | number } {
  const error = Object.assign(new Error(info.message, causeOf(info)), { name: info.name });
  const code = codeOf(info);
  if (code !== undefined) Object.assign(error, { code });
  addRest(error, info);
  return error;
}

function causeOf({ cause }: ErrorInfo): ErrorOptions {
  return cause ? { cause: errorOf(cause) } : {};
}

function codeOf({ code, fields }: ErrorInfo): string | number | undefined {
  const own = fields?.['code'];
  return typeof own === 'string' || typeof own === 'number' ? own : code;
}

/** Fields do not hide what errors have anyway. An error that had no stack gets none of the place that restores it. */
function addRest(error: Error, { name, message, stack, errors, fields = {} }: ErrorInfo): void {
  error.stack = stack ?? `${name}: ${message}`;
  if (errors) Object.assign(error, { errors: errors.map(errorOf) });
  for (const [key, value] of Object.entries(fields))
    if (!(key in error)) Object.assign(error, { [key]: value });
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

/** An error that a task throws when another try cannot help. The task's tries end with it. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError';
}

brand(TaskError, 'taskError');
brand(TimeoutError, 'timeoutError');
brand(OwnershipLostError, 'ownershipLost');
brand(NonRetryableError, 'nonRetryable');

/** True for a {@link NonRetryableError} of any copy of the SDK. */
export function isNonRetryable(error: unknown): boolean {
  return hasBrand(error, 'nonRetryable');
}
