import { Args, Flags } from '@oclif/core';
import { UsageError } from '../errors.js';

/** The flags of a command that shows one page of a list. */
export const PAGE_FLAGS = {
  limit: Flags.integer({ description: 'How many a page has.', min: 1, max: 1000, helpValue: 'N' }),
  cursor: Flags.string({ description: 'Where the page begins: nextCursor of the page before.' }),
};

/** The flag of a command that does something to an execution. */
export const REASON_FLAG = {
  reason: Flags.string({ description: 'Why, for its history.', helpValue: 'TEXT' }),
};

/** The flag of a command that asks before it does much. */
export const YES_FLAG = { yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }) };

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The parts of a request that were given, and not as nothing. */
export function given<T extends object>(parts: T): Given<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value)) as Given<T>;
}

/** What the flag of a command that runs workflows says, but for its default. */
export const WORKFLOWS_FLAG = {
  description: 'The folder whose .ts and .js files export the workflows.',
  env: 'FLUX_WORKFLOWS',
  helpValue: 'DIR',
};

/** The flag of labels, as many as there are. */
export const labelFlag = (description: string) =>
  Flags.string({ description, helpValue: 'K=V', multiple: true, multipleNonGreedy: true });

/** The positional argument of a command about one bulk cancel. */
export const CANCELLATION_ARGS = {
  // Or oclif would read a missing argument from a pipe.
  ID: Args.string({ description: "The bulk cancel's id.", required: true, ignoreStdin: true }),
};

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
