import { backoff } from './backoff.js';

/** How a task is tried again. All times in milliseconds. */
export interface RetryPolicy {
  /** Tries in all, the first included; ≥ 1. */
  readonly maxAttempts: number;
  /** The delay before the second try, in milliseconds. */
  readonly delayMs: number;
  /** Each further delay is the one before times this; ≥ 1. */
  readonly backoff: number;
  /** No delay is longer. */
  readonly maxDelayMs: number;
  /** The share of each delay that is up to chance, 0 to 1, so that many failures do not come back together. */
  readonly jitter: number;
}

/**
 * The delay in milliseconds after the failed try number `tries` (1 is the first), or `undefined` when no try
 * is left: backoff, shortened by chance. Pure.
 * @param chance ≥ 0 and < 1; 0 is the longest delay
 */
export function retryDelay(policy: RetryPolicy, tries: number, chance: number): number | undefined {
  if (tries >= policy.maxAttempts) return undefined;
  const { delayMs: firstMs, maxDelayMs: longestMs, backoff: factor } = policy;
  return backoff({ firstMs, longestMs, factor }, tries - 1) * (1 - policy.jitter * chance);
}
