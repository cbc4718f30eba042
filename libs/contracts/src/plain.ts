/** What of the contracts needs no schemas: every runner loads this, and schemas take a fifth of its memory. */

/** The most objects and lists inside one another that a value may have. */
export const MOST_LEVELS = 200;

/**
 * The most bytes of JSON that one thing which users made may have inside a message. What is larger travels in pieces
 * upwards, and is asked for on the way down.
 */
export const INLINE_LIMIT_BYTES = 64 * 1024;

/** Keys of a label filter are split from values at the first colon, so keys have none. */
export const LABELS = {
  most: 32,
  key: { pattern: /^[^:\s]{1,63}$/, fault: 'a label key has 1 to 63 characters, no colon, no space' },
  longestValue: 255,
} as const;

/** The path to the first object or list in a value of JSON that is inside too many others; `undefined`: there is none. */
export function tooDeepAt(value: unknown, mostLevels: number = MOST_LEVELS): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (mostLevels === 0) return [];
  for (const [index, each] of Object.values(value).entries()) {
    const path = tooDeepAt(each, mostLevels - 1);
    if (path) return [Object.keys(value)[index] as string, ...path];
  }
  return undefined;
}

/** True for text that PostgreSQL's `text` and `jsonb` take: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

/** What is wrong with labels; `undefined`: nothing. */
export function labelsFault(labels: unknown): string | undefined {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return 'labels are an object';
  const { most, key, longestValue } = LABELS;
  const entries = Object.entries(labels);
  if (entries.length > most) return `at most ${most} labels`;
  if (!entries.every(([name]) => key.pattern.test(name))) return key.fault;
  const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= longestValue;
  return entries.every(([, value]) => isText(value))
    ? undefined
    : `a label is a text of at most ${longestValue} characters`;
}
