/** How a task is tried again. All times in milliseconds. */
export interface RetryPolicy {
  /** Tries in all, the first included; ≥ 1. */
  readonly maxAttempts: number;
  /** Before the second try. */
  readonly delayMs: number;
  /** Each further delay is the one before times this; ≥ 1. */
  readonly backoff: number;
  /** No delay is longer. */
  readonly maxDelayMs: number;
}

/**
 * The delay in milliseconds after the failed try number `tries` (1 is the first), or `undefined` when no try
 * is left: exponential backoff with a cap. Pure.
 */
export function retryDelay(policy: RetryPolicy, tries: number): number | undefined {
  if (tries >= policy.maxAttempts) return undefined;
  return Math.min(policy.delayMs * policy.backoff ** (tries - 1), policy.maxDelayMs);
}
