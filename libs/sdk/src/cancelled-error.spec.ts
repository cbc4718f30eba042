import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CancelledError, ChildCancelledError, isCancelled } from './index.js';

const error = new CancelledError({ reason: 'wrong file', requestedBy: 'cli:ada' });

const why = { requestedBy: 'cli:ada', reason: 'wrong file' };
const child = { workflowName: 'child', executionId: '0' };

/** An error with the fields that a library gives it, around the one that caused it. */
function wrap(fields: object, cause: unknown = error): Error {
  return Object.assign(new Error('Request was aborted.', { cause }), fields);
}

describe('isCancelled', () => {
  const signal = AbortSignal.abort(error);
  const foreign = Object.assign(new Error('cancelled'), { [Symbol.for('flux.cancelled')]: true });

  test.each([
    ['the error itself', async () => Promise.reject(error)],
    ['an aborted fetch', async () => fetch('http://127.0.0.1:9', { signal })],
    ['an aborted timer', async () => wait(1000, undefined, { signal })],
    ['Promise.any of nothing else', async () => Promise.any([Promise.reject(error), Promise.reject(error)])],
    ['throwIfAborted', async () => signal.throwIfAborted()],
    ['the error of another copy of the SDK', async () => Promise.reject(foreign)],
  ])('is true for %s', async (_what, fail) => {
    const caught = await fail().catch((reason: unknown) => reason);
    expect(isCancelled(caught)).toBe(true);
  });

  test.each([
    ['openai 7', wrap({ status: undefined, requestID: undefined })],
    ['got 16', wrap({ name: 'AbortError', code: 'ERR_ABORTED' })],
    ['execa 9', wrap({ name: 'ExecaError', isCanceled: true, exitCode: undefined, signal: 'SIGTERM' })],
    ['@octokit/request 10', wrap({ name: 'HttpError', status: 500 })],
    ['@aws-sdk/client-s3 3', wrap({ name: 'AbortError', $metadata: { attempts: 1 } })],
    ['nodemailer 10', wrap({ name: 'AbortError', code: 'EABORT' })],
    ['ai 6, in a stream', wrap({ name: 'AI_APICallError', isRetryable: false })],
    ['needle 3', wrap({ name: 'AbortError', code: 'ABORT_ERR' })],
    ['zx 8, two deep', wrap({ exitCode: null }, wrap({ name: 'AbortError', code: 'ABORT_ERR' }))],
    ['a task of one’s own', new Error('crawl failed', { cause: error })],
    ['Promise.any of such errors', new AggregateError([wrap({}), wrap({ name: 'AbortError' })])],
    ['a library that keeps the reason', Object.assign(new Error(), { name: 'AbortError', reason: error })],
  ])('follows the cause of the error of %s, whatever its name', (_what, caught) => {
    expect(isCancelled(caught)).toBe(true);
  });

  test.each([
    ['axios 1', { name: 'CanceledError', code: 'ERR_CANCELED', __CANCEL__: true }],
    ['got 15, whose cause is an empty object', { name: 'AbortError', code: 'ERR_ABORTED', cause: {} }],
    ['node-fetch 3', { name: 'AbortError', type: 'aborted' }],
    ['@anthropic-ai/sdk 1', { name: 'APIUserAbortError', status: undefined }],
    ['@aws-sdk/lib-storage 3', { name: 'AbortError' }],
    ['the body of an object in S3', { code: 'ECONNRESET' }],
    ['pg 8', { code: '57014', severity: 'ERROR' }],
    [
      'a library that calls its own error so',
      { name: 'CancelledError', reason: 'unmounted', cause: 'request' },
    ],
    ['a child that was cancelled', new ChildCancelledError(child, { ...why, cause: 'request' })],
  ])('is false for the error of %s, which does not say whose abort it was', (_what, fields) => {
    expect(isCancelled(Object.assign(new Error('aborted'), fields))).toBe(false);
    expect(isCancelled(fields)).toBe(false);
  });

  test.each([
    ['fetch', async (signal: AbortSignal) => fetch('http://127.0.0.1:9', { signal })],
    ['a timer', async (signal: AbortSignal) => wait(1000, undefined, { signal })],
  ])(
    'is false for an abort by a controller of one’s own, also where the error of %s is wrapped',
    async (_what, fail) => {
      const both = AbortSignal.any([new AbortController().signal, AbortSignal.abort()]);
      const caught = await fail(both).catch((reason: unknown) => reason);
      expect(isCancelled(caught)).toBe(false);
      expect(isCancelled(wrap({ name: 'AbortError' }, caught))).toBe(false);
    },
  );

  test('ends for causes that lead back to themselves', () => {
    const first: Error = wrap({ name: 'AbortError' }, undefined);
    const second = Object.assign(wrap({ name: 'AbortError' }, first), { reason: first });
    Object.assign(first, { cause: second, reason: second });
    const all = new AggregateError([first, first]);
    all.errors.push(all);
    expect([first, second, all].some(isCancelled)).toBe(false);
    expect(isCancelled(Object.assign(first, { reason: error }))).toBe(true);
  });

  test.each([
    ['another error', new Error('cancelled')],
    ['an abort of the user’s own', new DOMException('aborted', 'AbortError')],
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
