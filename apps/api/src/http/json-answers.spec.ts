import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FluxError } from '@flux/domain';
import { call } from './testing/client.js';
import { EXECUTION, startTestAppWithExecution, type TestApp } from './testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestAppWithExecution()));
afterEach(() => app.close());

test('an answer in pieces is one text, each read when the one before was taken', async () => {
  const read: number[] = [];
  app.executions.list = async function* () {
    for (const piece of [1, 2, 3]) {
      read.push(piece);
      yield `${piece === 1 ? '{"items":[],"pieces":[' : ','}${piece}`;
    }
    return '],"nextCursor":null}';
  };
  const answer = await call(app.url, '/executions');
  expect(answer.json()).toEqual({ items: [], pieces: [1, 2, 3], nextCursor: null });
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect((await call(app.url, '/executions', { method: 'HEAD' })).text).toBe('');
  expect(read).toEqual([1, 2, 3, 1]);
});

test('an answer that breaks off is not taken for a whole one', async () => {
  app.executions.status = async function* () {
    yield '{"state":';
    throw new Error('the database is away');
  };
  await expect(call(app.url, EXECUTION)).rejects.toThrow();
  expect(app.log).toContainEqual(expect.objectContaining({ msg: 'an answer broke off' }));
  expect((await call(app.url, '/health/live')).status).toBe(200);
});

test('503 with Retry-After where large answers take all the memory', async () => {
  app.executions.history = () => ({
    next: () => Promise.reject(new FluxError('SERVER_BUSY', 'too much at once')),
  });
  const refused = await call(app.url, `${EXECUTION}/events`);
  expect(refused.problem()).toMatchObject({ status: 503, code: 'SERVER_BUSY' });
  expect(refused.headers.get('retry-after')).toBe('1');
});

test('an execution at the end of a stream comes in pieces too', async () => {
  app.executions.status = async function* () {
    yield '{"executionId":"x",';
    return '"state":"COMPLETED"}';
  };
  app.executions.follow = async function* () {};
  const path = '/workflows/known/executions?mode=stream';
  const { text } = await call(app.url, path, { method: 'POST' });
  expect(text).toMatch(/event: execution\ndata: \{"executionId":"x","state":"COMPLETED"\}\n\n$/);
});
