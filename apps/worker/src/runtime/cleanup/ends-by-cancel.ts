import { CancelledError, isCancelled } from '@flux/sdk';
import { isA } from '../values/error-fields.js';

const ABORT = /abort|cancel/i;

/**
 * Whether an error that came out of a body or its cleanup is the cancel itself: a CancelledError, or one that a library
 * made of it and calls an abort. Any other error that a cancel caused is a failure of the cleanup, such as the
 * `new Error('the lock is gone', { cause })` of a `catch`, although `isCancelled` is true for it.
 */
export function endsByCancel(error: unknown): boolean {
  try {
    return isCancelled(error) && saysAbort(error as Error);
  } catch {
    // A getter may throw at the second look.
    return false;
  }
}

function saysAbort(error: Error & { code?: unknown; reason?: unknown }): boolean {
  if (isA(error, CancelledError)) return true;
  if (isA(error, AggregateError)) return error.errors.every(endsByCancel);
  const { name, code, constructor, cause, reason } = error;
  return ABORT.test(`${name} ${String(code)} ${constructor.name}`) && endsByCancel(cause ?? reason);
}
