import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FluxError } from '@flux/domain';
import { timed } from '@flux/testing';
import { call, SseClient, type Call } from '../testing/client.js';
import { ID, START, startTestApp, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestApp()));
afterEach(() => app.close());

const start = (query = '', options: Call = {}) =>
  call(app.url, `${START}${query}`, { method: 'POST', ...options });

/** Completes the execution a moment after it has been started. */
const finishSoon = (id: string): void => {
  const timer = setInterval(() => {
    if (!app.executions.has(id)) return;
    clearInterval(timer);
    app.executions.move(id, 'COMPLETED', 'execution_completed');
  }, 20);
};

describe('async', () => {
  test('a new execution is 201 with its place, the same again 200', async () => {
    const body = { executionId: ID, input: { a: 1 }, labels: { team: 'x' }, timeout: '1m' };
    const first = await start('', { body, headers: { 'flux-actor': 'cli:ada', 'idempotency-key': 'k' } });
    expect(first.status).toBe(201);
    expect(first.headers.get('location')).toBe(`${START}/${ID}`);
    expect(first.execution()).toMatchObject({ executionId: ID, state: 'SCHEDULED', input: { a: 1 } });
    const again = await start('', { body });
    expect(again.status).toBe(200);
    expect(again.headers.get('location')).toBe(`${START}/${ID}`);
    expect(app.executions.starts[0]).toEqual({
      workflowName: 'known',
      input: { a: 1 },
      executionId: ID,
      idempotencyKey: 'k',
      labels: { team: 'x' },
      timeoutMs: 60_000,
      requestedBy: 'cli:ada',
    });
  });

  test.each<[string, Call]>([
    ['no body', {}],
    ['an empty body', { body: '' }],
    ['an empty body of another type', { body: '', headers: { 'content-type': 'text/plain' } }],
    ['an empty object', { body: {} }],
  ])('%s is the input {}', async (_name, options) => {
    expect((await start('', options)).status).toBe(201);
    expect(app.executions.starts).toMatchObject([{ input: {}, requestedBy: 'anonymous', labels: {} }]);
  });

  test.each<[string, string, Call, string]>([
    ['an unknown field', '', { body: { inputs: 1 } }, 'inputs'],
    ['a bad id', '', { body: { executionId: 'x' } }, 'executionId'],
    ['a bad duration', '', { body: { timeout: 'soon' } }, 'timeout'],
    ['a bad label', '', { body: { labels: { a: 1 } } }, 'labels.a'],
    ['no object', '', { body: [] }, 'body'],
    ['a mode that there is not', '?mode=later', {}, 'mode'],
    ['a bad timeout', '?timeout=soon', {}, 'timeout'],
    ['a long timeout', '?timeout=1h', {}, 'timeout'],
    ['an unknown word in the query', '?wait=1', {}, 'wait'],
    ['two modes', '?mode=sync&mode=async', {}, 'mode'],
    ['an actor beyond ASCII', '', { headers: { 'flux-actor': '\u00fc' } }, 'flux-actor'],
    ['a long actor', '', { headers: { 'flux-actor': 'x'.repeat(201) } }, 'flux-actor'],
    ['an empty key', '', { headers: { 'idempotency-key': '' } }, 'idempotency-key'],
    ['a long key', '', { headers: { 'idempotency-key': 'x'.repeat(256) } }, 'idempotency-key'],
  ])('%s is 422 and named', async (_name, query, options, path) => {
    const problem = (await start(query, options)).problem();
    expect(problem).toMatchObject({ status: 422, code: 'INVALID_REQUEST', errors: [{ path }] });
    expect(problem.detail).toContain(path);
    expect(app.executions.starts).toEqual([]);
  });

  test('a bad label key is told what it may be', async () => {
    const { errors } = (await start('', { body: { labels: { 'a b': 'x' } } })).problem();
    expect(errors).toEqual([
      { path: 'labels.a b', message: 'a label key has 1 to 63 characters, no colon, no space' },
    ]);
  });

  test('a compressed body is 415, and says so', async () => {
    const options = { body: 'x', headers: { 'content-encoding': 'gzip' } };
    expect((await start('', options)).problem()).toMatchObject({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      hint: 'Send it without Content-Encoding.',
    });
  });

  test('every faulty field is named at once', async () => {
    const problem = (await start('', { body: { foo: 1, bar: 2, executionId: 3 } })).problem();
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(['bar', 'executionId', 'foo']);
  });

  test('an unknown workflow is 404, an unfit input 422 with its fields', async () => {
    const unknown = await call(app.url, '/workflows/other/executions', { method: 'POST' });
    expect(unknown.problem()).toMatchObject({ status: 404, code: 'WORKFLOW_NOT_FOUND' });
    const nul = await call(app.url, '/workflows/a%00b/executions', { method: 'POST' });
    expect(nul.problem()).toMatchObject({ status: 404, code: 'WORKFLOW_NOT_FOUND' });
    const unfit = (await start('', { body: { input: 'bad' } })).problem();
    expect(unfit).toMatchObject({ status: 422, code: 'INVALID_INPUT', errors: [{ path: 'input' }] });
  });

  test('another execution under the id is 409', async () => {
    app.executions.fault = new FluxError('EXECUTION_CONFLICT', 'the id has another input');
    expect((await start()).problem()).toMatchObject({ status: 409, code: 'EXECUTION_CONFLICT' });
  });
});

describe('sync', () => {
  test('200 with the final state', async () => {
    finishSoon(ID);
    const answer = await start('?mode=sync', { body: { executionId: ID } });
    expect(answer.status).toBe(200);
    expect(answer.execution().state).toBe('COMPLETED');
    expect(answer.headers.get('location')).toBe(`${START}/${ID}`);
  });

  test.each([0, 300])('202 with the present state at a timeout of %i ms', async (timeout) => {
    const { result, tookMs, heldUpMs } = await timed(() => start(`?mode=sync&timeout=${timeout}ms`));
    expect(result.status).toBe(202);
    expect(result.execution().state).toBe('SCHEDULED');
    expect(tookMs).toBeGreaterThanOrEqual(timeout - 2);
    expect(tookMs - heldUpMs).toBeLessThan(timeout + 250);
  });

  test('a database that hangs before the start is durable is 503 within the bound', async () => {
    app.executions.fault = new Promise<never>(() => undefined);
    const { result, tookMs, heldUpMs } = await timed(() => start('?mode=sync&timeout=100ms'));
    expect(tookMs - heldUpMs).toBeLessThan(350);
    expect(result.problem()).toMatchObject({ status: 503, code: 'DATABASE_UNAVAILABLE' });
    expect(result.problem().hint).toContain('may still take effect');
  });

  test('a database that hangs or fails during the wait is 202 with what is known', async () => {
    const hang = start('?mode=sync&timeout=200ms');
    await app.executions.until(() => app.executions.starts.length === 1);
    app.executions.fault = new Promise<never>(() => undefined);
    expect((await hang).status).toBe(202);
    app.executions.fault = undefined;
    const fail = start('?mode=sync&timeout=200ms');
    await app.executions.until(() => app.executions.starts.length === 2);
    app.executions.fault = new FluxError('DATABASE_UNAVAILABLE', 'gone');
    expect((await fail).status).toBe(202);
  });
});

describe('stream', () => {
  const open = (query = '') =>
    new SseClient().open(`${app.url}${START}?mode=stream${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ executionId: ID }),
    });

  test('the execution, each event, the final execution, then the end', async () => {
    const stream = await open();
    expect(stream.headers.get('location')).toBe(`${START}/${ID}`);
    expect(await stream.next()).toMatchObject({ event: 'execution', data: { state: 'SCHEDULED' } });
    expect(await stream.next()).toMatchObject({ id: '1', event: 'execution_scheduled', data: { seq: 1 } });
    app.executions.move(ID, 'RUNNING', 'execution_started');
    expect(await stream.next()).toMatchObject({ id: '2', event: 'execution_started', data: { seq: 2 } });
    app.executions.move(ID, 'COMPLETED', 'execution_completed');
    expect(await stream.rest()).toMatchObject([
      { id: '3', event: 'execution_completed' },
      { id: undefined, event: 'execution', data: { state: 'COMPLETED' } },
    ]);
  });

  test('a timeout ends it with the present execution', async () => {
    const events = await (await open('&timeout=50ms')).rest();
    expect(events.at(-1)).toMatchObject({ event: 'execution', data: { state: 'SCHEDULED' } });
  });

  test('a client that leaves ends the follow', async () => {
    const stream = await open();
    await app.executions.until(() => app.executions.following === 1);
    stream.disconnect();
    await app.executions.until(() => app.executions.following === 0);
  });

  test('a fault before it begins is an ordinary problem', async () => {
    const answer = await call(app.url, '/workflows/other/executions?mode=stream', { method: 'POST' });
    expect(answer.problem().code).toBe('WORKFLOW_NOT_FOUND');
  });

  test('a fault on the way is its last event', async () => {
    const stream = await open();
    await app.executions.until(() => app.executions.following === 1);
    app.executions.fault = new Error('secret');
    app.executions.changed();
    const events = await stream.rest();
    expect(events.at(-1)).toMatchObject({ event: 'problem', data: { code: 'INTERNAL_ERROR', status: 500 } });
    expect(JSON.stringify(events)).not.toContain('secret');
  });
});
