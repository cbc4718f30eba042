import { describe, expect, test } from '@jest/globals';
import { brand } from './brand.js';
import {
  CancelledError,
  ChildCancelledError,
  ChildFailedError,
  NonRetryableError,
  OwnershipLostError,
  TaskError,
  TimeoutError,
} from './index.js';

/** The class of another copy of the SDK. */
function copyOf(name: string): new () => Error {
  const copy = class extends Error {};
  brand(copy, name);
  return copy;
}

describe('instanceof', () => {
  const classes: ReadonlyArray<readonly [string, abstract new (...args: never[]) => Error]> = [
    ['cancelled', CancelledError],
    ['childCancelled', ChildCancelledError],
    ['childFailed', ChildFailedError],
    ['nonRetryable', NonRetryableError],
    ['ownershipLost', OwnershipLostError],
    ['taskError', TaskError],
    ['timeoutError', TimeoutError],
  ];

  test.each(classes)('knows an error of another copy of the SDK, and no other error (%s)', (name, own) => {
    const foreign = new (copyOf(name))();
    expect(classes.filter(([, each]) => foreign instanceof each)).toEqual([[name, own]]);
    expect(
      [new Error('else'), null, undefined, 'text', {}].some((each: unknown) => each instanceof own),
    ).toBe(false);
  });

  test('tells subclasses apart, and takes their instances for those of the class', () => {
    class Refused extends NonRetryableError {}
    class Other extends NonRetryableError {}
    const refused = new Refused('no');
    expect([Refused, NonRetryableError, Error].every((each) => refused instanceof each)).toBe(true);
    expect(refused instanceof Other).toBe(false);
    expect(new NonRetryableError('no') instanceof Refused).toBe(false);
  });
});
