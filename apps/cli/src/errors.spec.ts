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

test('a fault that the message names is told once, and the hint names commands', () => {
  const written = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const errors = [
      { path: 'amount', message: 'must be number' },
      { path: 'id', message: 'is missing' },
    ];
    const { hint } = PROBLEMS.INVALID_INPUT;
    const message = 'the input does not fit the schema: amount: must be number';
    reportError(
      Object.assign(new Error(message), { code: 'INVALID_INPUT', hint, details: { errors } }),
      false,
    );
    expect(written.mock.calls.join('')).toBe(
      `Error: ${message}\n  id: is missing\nCode: INVALID_INPUT\n` +
        "Hint: Correct the fields named in errors; 'flux workflow show NAME' shows the schema.\n",
    );
  } finally {
    written.mockRestore();
  }
});
