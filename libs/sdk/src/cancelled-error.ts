import type { CancelCause } from '@flux/domain';
import { brand, hasBrand } from './brand.js';

export interface CancelledErrorOptions {
  /** Why, in the words of whoever asked; `null` when none were given. */
  readonly reason?: string | null;
  /** The caller who asked. */
  readonly requestedBy?: string;
  readonly cause?: CancelCause | 'scope';
}

/**
 * A cancel as a workflow sees it: the reason of every aborted `ctx.signal` and the rejection of every `ctx` call
 * outside a shield. An execution sees one and the same instance throughout, and so does a scope that was cancelled
 * alone.
 */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  /** Why, in the words of whoever asked; `null` when none were given. */
  readonly reason: string | null;
  /** The caller who asked: an actor, `flux` for a timeout, or `workflow` for a scope. */
  readonly requestedBy: string;
  /** `scope`: only a `ctx.scope` was cancelled, by its own workflow; the execution goes on. */
  override readonly cause: CancelCause | 'scope';

  constructor(options: CancelledErrorOptions = {}) {
    const { reason = null, requestedBy = 'anonymous', cause = 'request' } = options;
    const message = `the ${cause === 'scope' ? 'scope' : 'execution'} was cancelled`;
    super(reason === null ? message : `${message}: ${reason}`);
    this.reason = reason;
    this.requestedBy = requestedBy;
    this.cause = cause;
  }
}

brand(CancelledError, 'cancelled');

/**
 * True when `error` says that the execution, or the scope it comes from, was cancelled: a {@link CancelledError} of any
 * copy of the SDK; an error of any name that such an error caused, however many others stand between (as libraries wrap
 * the reason of an aborted signal); or an `AggregateError` of nothing else (as `Promise.any` rejects).
 *
 * False for an abort by a controller of one's own, whatever the error is called, and for the errors of libraries that
 * keep no cause (axios, node-fetch, `@anthropic-ai/sdk`): a task asks `ctx.signal.aborted` there.
 */
export function isCancelled(error: unknown): boolean {
  try {
    return tellsOfCancel(error, new Map());
  } catch {
    // Anything can be thrown: a getter, a proxy, an endless chain.
    return false;
  }
}

/** `known` has the errors looked at before, each once, so that chains which lead into themselves end. */
function tellsOfCancel(error: unknown, known: Map<object, boolean>): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const before = known.get(error);
  if (before !== undefined) return before;
  known.set(error, false);
  const tells = hasBrand(error, 'cancelled') || causesTell(error, known);
  known.set(error, tells);
  return tells;
}

function causesTell(error: object, known: Map<object, boolean>): boolean {
  if (error instanceof AggregateError) {
    return error.errors.length > 0 && error.errors.every((each) => tellsOfCancel(each, known));
  }
  const { name, cause, reason } = error as { name?: unknown; cause?: unknown; reason?: unknown };
  return tellsOfCancel(cause, known) || (name === 'AbortError' && tellsOfCancel(reason, known));
}
