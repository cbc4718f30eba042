import { FluxError } from './errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHORT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const ISO = /^P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
/** 100 years: what is longer is a mistake, and would overflow timers and timestamps. */
const LONGEST_MS = 100 * 365 * 86_400_000;

/**
 * Milliseconds of a duration: `500ms`, `10s`, `5m`, `1h`, `2d`, or ISO 8601 without years, months and weeks
 * (`PT1M30S`).
 * @throws FluxError `INVALID_DURATION`
 */
export function parseDuration(text: string): number {
  const milliseconds = parseShort(text) ?? parseIso(text);
  if (milliseconds === undefined || milliseconds > LONGEST_MS) {
    throw new FluxError('INVALID_DURATION', `'${text}' is not a duration`, {
      hint: "Write a number and a unit: '500ms', '10s', '5m', '1h', or ISO 8601 such as 'PT1M30S'.",
    });
  }
  return Math.round(milliseconds);
}

function parseShort(text: string): number | undefined {
  const match = SHORT.exec(text);
  return match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN) : undefined;
}

function parseIso(text: string): number | undefined {
  const match = ISO.exec(text);
  if (!match || match.slice(1).every((part) => part === undefined) || text.endsWith('T')) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000;
}

/** A duration for people, two units at most: `850 ms`, `4.2 s`, `3 m 5 s`, `2 h 10 m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(Math.floor(milliseconds / 100) / 10).toString()} s`;
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 1440
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} m`
    : `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}
