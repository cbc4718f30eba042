import { UsageError } from '../errors.js';

/**
 * `k=v` pairs as an object, split at the first `=`; `undefined` when there are none.
 * @throws UsageError
 */
export function readLabels(pairs: readonly string[] | undefined): Record<string, string> | undefined {
  if (!pairs || pairs.length === 0) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
      throw new UsageError(`--label: '${pair}' is not a label`, 'Write it as key=value.');
    }),
  );
}

/**
 * An ISO 8601 date or time as the api takes it; a date alone is its midnight in UTC.
 * @throws UsageError
 */
export function readTime(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time) && /^\d{4}-\d\d-\d\d/.test(text)) return new Date(time).toISOString();
  throw new UsageError(
    `--${flag}: '${text}' is not a time`,
    'Write ISO 8601: 2026-11-22 or 2026-11-22T14:30:00Z.',
  );
}

/**
 * Checks a duration flag before anything is sent.
 * @throws FluxError `INVALID_DURATION`, naming the flag
 */
export async function checkDuration(flag: string, text: string | undefined): Promise<void> {
  if (text === undefined) return;
  const { FluxError, parseDuration } = await import('@flux/client');
  try {
    parseDuration(text);
  } catch (error) {
    if (!(error instanceof FluxError)) throw error;
    throw new FluxError(error.code, `--${flag}: ${error.message}`, error.hint ? { hint: error.hint } : {});
  }
}
