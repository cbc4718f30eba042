import type { CancelNotice } from '@flux/contracts';

/**
 * How long a body has for its cleanup that hears of a cancel `waitedMs` after its worker did; milliseconds. The grace
 * period is the body's, so no wait is taken from it, but the cleanup has a last moment. A forced cancel has no time.
 */
export function bodyTimeMs(
  { remainingMs, graceMs, latestMs }: Pick<CancelNotice, 'remainingMs' | 'graceMs' | 'latestMs'>,
  waitedMs: number,
): number {
  const isLate = graceMs !== undefined && latestMs !== undefined;
  return Math.max(0, isLate ? Math.min(graceMs, latestMs - waitedMs) : remainingMs - waitedMs);
}
