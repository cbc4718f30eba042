import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CancelledError, isCancelled } from './index.js';

const error = new CancelledError({ reason: 'wrong file', requestedBy: 'cli:ada' });

describe('isCancelled', () => {
  const { signal } = ((): AbortController => {
    const controller = new AbortController();
    controller.abort(error);
    return controller;
  })();

  test.each([
    ['the error itself', async () => Promise.reject(error)],
    ['an aborted fetch', async () => fetch('http://127.0.0.1:9', { signal })],
    ['an aborted timer', async () => wait(1000, undefined, { signal })],
    ['Promise.any of nothing else', async () => Promise.any([Promise.reject(error), Promise.reject(error)])],
    ['throwIfAborted', async () => signal.throwIfAborted()],
  ])('is true for %s', async (_what, fail) => {
    const caught = await fail().catch((reason: unknown) => reason);
    expect(isCancelled(caught)).toBe(true);
  });

  test('is true for the error of another copy of the SDK', () => {
    const foreign = Object.assign(new Error('cancelled'), { [Symbol.for('flux.cancelled')]: true });
    expect(isCancelled(foreign)).toBe(true);
  });

  test.each([
    ['another error', new Error('cancelled')],
    ['an abort of the user’s own', new DOMException('aborted', 'AbortError')],
    ['an error that a cancel caused', new Error('crawl failed', { cause: error })],
    ['Promise.any with a real failure', new AggregateError([error, new Error('else')])],
    ['nothing', undefined],
    ['text', 'CancelledError'],
  ])('is false for %s', (_what, reason) => {
    expect(isCancelled(reason)).toBe(false);
  });
});

describe('CancelledError', () => {
  test('tells who and why', () => {
    expect(error).toMatchObject({
      name: 'CancelledError',
      message: 'the execution was cancelled: wrong file',
      reason: 'wrong file',
      requestedBy: 'cli:ada',
      cause: 'request',
    });
  });
});
