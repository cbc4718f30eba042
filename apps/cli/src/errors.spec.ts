import { expect, jest, test } from '@jest/globals';
import { PROBLEMS } from '@flux/contracts';
import { reportError } from './errors.js';

test('an error that has a code and no hint of its own gets the hint of its code', () => {
  const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const error = Object.assign(new Error('away'), { code: 'DATABASE_UNAVAILABLE', hint: undefined });
    expect(reportError(error, false)).toBe(1);
    expect(written.mock.calls.join('')).toBe(
      `Error: away\nCode: DATABASE_UNAVAILABLE\nHint: ${PROBLEMS.DATABASE_UNAVAILABLE.hint}\n`,
    );
  } finally {
    written.mockRestore();
  }
});
