import { parseDuration } from '@flux/domain';

/** Milliseconds, or text such as `500ms`, `10s`, `5m`, `1h`, `PT1M30S`. */
export type Duration = number | string;

export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/**
 * Milliseconds of a duration, rounded.
 * @throws RangeError for a number that is negative or not finite · FluxError `INVALID_DURATION` for a text
 */
export function toMilliseconds(duration: Duration): number {
  if (typeof duration === 'string') return parseDuration(duration);
  if (!Number.isFinite(duration) || duration < 0) {
    throw new RangeError(
      `a duration is a number of milliseconds ≥ 0 or a text such as '10s', not ${duration}`,
    );
  }
  return Math.round(duration);
}

/** @throws TypeError when the name cannot stand in a path, a queue's name and a call id */
export function assertName(kind: 'workflow' | 'task', name: unknown): asserts name is string {
  if (typeof name === 'string' && NAME.test(name)) return;
  throw new TypeError(
    `a ${kind} is named by 1 to 128 letters, digits, _, - or ., not ${JSON.stringify(name)}`,
  );
}

const VERSION = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/**
 * The version as text; `null` without one.
 * @throws TypeError when it cannot stand in a queue's name
 */
export function toVersion(owner: string, version: unknown): string | null {
  if (version === undefined) return null;
  const text = typeof version === 'number' && Number.isFinite(version) ? String(version) : version;
  if (typeof text === 'string' && VERSION.test(text)) return text;
  throw new TypeError(
    `${owner}: a version is a number or 1 to 64 letters, digits, _, - or ., not ${JSON.stringify(version)}`,
  );
}

/** @throws TypeError for an option this version does not honour; nothing is ignored silently */
export function assertOptions(owner: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length === 0) return;
  throw new TypeError(
    `${owner} has no option ${unknown.map((key) => `'${key}'`).join(', ')}; it has ${known.join(', ')}`,
  );
}
