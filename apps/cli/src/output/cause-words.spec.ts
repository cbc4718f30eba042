import { expect, test } from '@jest/globals';
import { errorWords } from './cause-words.js';

const refused = { name: 'Error', message: 'connect ECONNREFUSED 127.0.0.1:9', code: 'ECONNREFUSED' };

test.each([
  ['a class and what it says', { name: 'RangeError', message: 'negative' }, 'RangeError: negative'],
  ['nothing but a class', { name: 'Error', message: '' }, 'Error'],
  [
    'its causes, with their codes',
    { name: 'TypeError', message: 'fetch failed', code: 'WORKFLOW_FAILED', cause: refused },
    'TypeError: fetch failed ← connect ECONNREFUSED 127.0.0.1:9 (ECONNREFUSED)',
  ],
  [
    'the errors that it stands for',
    {
      name: 'TypeError',
      message: 'fetch failed',
      cause: {
        name: 'AggregateError',
        message: '',
        code: 'ECONNREFUSED',
        errors: [refused, { name: 'RangeError', message: 'x' }],
      },
    },
    'TypeError: fetch failed ← AggregateError (ECONNREFUSED) [connect ECONNREFUSED 127.0.0.1:9 (ECONNREFUSED); RangeError: x]',
  ],
  [
    'a code of its own beside that of Flux',
    { name: 'Error', message: 'no', code: 'WORKFLOW_FAILED', fields: { code: 404 } },
    'Error: no (404)',
  ],
  [
    'no code of Flux',
    { name: 'FluxError', message: 'too deep', code: 'VALUE_TOO_DEEP' },
    'FluxError: too deep',
  ],
  ['what is none', null, 'error not known'],
])('an error is told by %s', (_what, error, words) => expect(errorWords(error)).toBe(words));

test('a message that ends with its cause tells it once, with its code', () => {
  const cause = {
    name: 'Error',
    message: 'no stock',
    code: 'OUT_OF_STOCK',
    cause: { name: 'Error', message: 'sold' },
  };
  const error = { name: 'ChildFailedError', message: 'child buy 1 failed: Error: no stock', cause };
  expect(errorWords(error)).toBe(
    'ChildFailedError: child buy 1 failed: Error: no stock (OUT_OF_STOCK) ← sold',
  );
});
