import type { assembleCore } from '@flux/api/testing';

type Logger = Parameters<typeof assembleCore>[0]['logger'];

/** Collects what is logged as an error; everything else is forgotten. */
export function errorLog(errors: string[]): Logger {
  const note = (first: unknown, second?: unknown): void => {
    const { err } = first as { readonly err?: unknown };
    const text = typeof first === 'string' ? first : String(second);
    errors.push(err instanceof Error ? `${text}: ${err.stack ?? err.message}` : text);
  };
  const silent = (): void => undefined;
  const log = { debug: silent, info: silent, warn: silent, trace: silent, error: note, fatal: note };
  return { ...log, child: () => log } as unknown as Logger;
}
