export interface Growth {
  /** The wait of count 0. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly longestMs: number;
  /** Each wait is the one before times this, ≥ 1; 2 by default. */
  readonly factor?: number;
}

/**
 * The wait in milliseconds after `count` others, shorter than the first where `count` is below 0. Pure.
 *
 * Exponential backoff with a cap: `min(longest, first * factor ^ count)`, as in "Exponential Backoff And Jitter" of
 * the AWS Architecture Blog (2015). Jitter is the caller's, who has the chance.
 */
export function backoff({ firstMs, longestMs, factor = 2 }: Growth, count: number): number {
  // Infinity times nothing would be no number.
  return Math.min(longestMs, firstMs * Math.min(factor ** count, Number.MAX_VALUE));
}
