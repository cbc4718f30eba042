import { FluxError } from '@flux/domain';

/** Deeper JSON is refused: it would exhaust the stack of somebody who reads it later, PostgreSQL's too. */
export const MAX_DEPTH = 500;

/**
 * Checks that a JSON value can be stored and sent.
 * @throws FluxError `INVALID_INPUT`
 */
export function assertDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) {
      const errors = [{ path: 'input', message: `must not be nested more than ${MAX_DEPTH} levels deep` }];
      throw new FluxError('INVALID_INPUT', 'the input is nested too deep', { details: { errors } });
    }
    level = level.flatMap((item): unknown[] =>
      typeof item === 'object' && item !== null ? Object.values(item) : [],
    );
  }
}

/** JSON text with sorted keys: equal for equal values, however they were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
