/**
 * How far another clock is ahead of ours, in milliseconds. It `told` its time at some moment between `before` and `after`
 * on ours, nobody knows which: what was `known` of the difference stays as long as it fits.
 */
export function aheadOf(known: number, told: number, before: number, after: number): number {
  return Math.min(Math.max(known, told - after), told - before);
}
