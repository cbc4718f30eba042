import type { CancelCause } from '@flux/domain';

/** Shared by every copy of the SDK in a process, where `instanceof` is not. */
const CANCELLED = Symbol.for('flux.cancelled');

export interface CancelledErrorOptions {
  /** Why, in the words of whoever asked; `null` when none were given. */
  readonly reason?: string | null;
  /** Who asked. */
  readonly requestedBy?: string;
  readonly cause?: CancelCause | 'scope';
}

/**
 * What a cancel looks like to a workflow: the reason of every aborted `ctx.signal` and the rejection of every
 * `ctx` call outside a shield, one and the same instance throughout an execution, or throughout a scope where only
 * that was cancelled.
 */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  /** Why, in the words of whoever asked; `null` when none were given. */
  readonly reason: string | null;
  /** Who asked: an actor, `flux` for a timeout, or `workflow` for a scope. */
  readonly requestedBy: string;
  /** `scope`: only a `ctx.scope` was cancelled, by its own workflow; the execution goes on. */
  override readonly cause: CancelCause | 'scope';
  readonly [CANCELLED] = true;

  constructor(options: CancelledErrorOptions = {}) {
    const { reason = null, requestedBy = 'anonymous', cause = 'request' } = options;
    const message = `the ${cause === 'scope' ? 'scope' : 'execution'} was cancelled`;
    super(reason === null ? message : `${message}: ${reason}`);
    this.reason = reason;
    this.requestedBy = requestedBy;
    this.cause = cause;
  }
}

/**
 * True when `error` says that the execution, or the scope it comes from, was cancelled: a {@link CancelledError} of any copy of the SDK, an
 * `AbortError` that such an error caused (as `timers/promises` and streams reject), or an `AggregateError` of
 * nothing else (as `Promise.any` rejects).
 */
export function isCancelled(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ((error as { [CANCELLED]?: unknown })[CANCELLED] === true) return true;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isCancelled);
  const { name, cause, reason } = error as { name?: unknown; cause?: unknown; reason?: unknown };
  if (name !== 'AbortError') return false;
  return isCancelled(cause) || isCancelled(reason);
}
