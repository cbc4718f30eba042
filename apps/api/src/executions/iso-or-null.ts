/** An ISO time of epoch milliseconds, for a parameter. */
export function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
