/** `2026-11-22 14:12:46` of an ISO time, in UTC. */
export function dateAndTime(iso: string): string {
  return new Date(iso).toISOString().slice(0, 19).replace('T', ' ');
}

/** `14:12:46.123`, in UTC. */
export function timeOfDay(iso: string): string {
  return new Date(iso).toISOString().slice(11, 23);
}

/** Milliseconds between two ISO times, 0 where clocks disagree. */
export function between(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** How long ago, in one unit: `42s`, `3m`, `5h`, `2d`. */
export function age(iso: string, now: number = Date.now()): string {
  const passed = Math.max(0, now - Date.parse(iso));
  const [unit, length] = UNITS.find(([, milliseconds]) => passed >= milliseconds) ?? ['s', 1000];
  return `${Math.floor(passed / length)}${unit}`;
}
