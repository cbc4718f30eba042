import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { call, SseClient } from '../testing/client.js';
import { EXECUTION, ID, startTestAppWithExecution, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeEach(async () => {
  app = await startTestAppWithExecution();
  app.executions.move(ID, 'RUNNING', 'execution_started');
});
afterEach(() => app.close());

describe('status', () => {
  test('detailed adds the events', async () => {
    expect((await call(app.url, EXECUTION)).execution().events).toBeUndefined();
    expect((await call(app.url, `${EXECUTION}?detailed=false`)).execution().events).toBeUndefined();
    expect((await call(app.url, `${EXECUTION}?detailed=true`)).execution().events).toHaveLength(2);
    expect((await call(app.url, `${EXECUTION}?detailed`)).execution().events).toHaveLength(2);
    expect((await call(app.url, `${EXECUTION}?detailed=maybe`)).problem().status).toBe(422);
  });

  test('an id is the same in capitals', async () => {
    expect(
      (await call(app.url, EXECUTION.toUpperCase().replace(/^.*\//, `${EXECUTION.slice(0, -36)}`))).status,
    ).toBe(200);
  });
});

describe('the receipt', () => {
  test('is read by parts, each from after a cursor', async () => {
    const receipt = await call(app.url, `${EXECUTION}/receipt?limit=2&cursor=7`);
    expect(receipt.json()).toMatchObject({ executionId: ID, state: 'RUNNING', isOver: false });
    await call(app.url, `${EXECUTION}/receipt`);
    expect(app.executions.receipts).toEqual([
      { limit: 2, afterSeq: 7 },
      { limit: 100, afterSeq: 0 },
    ]);
    expect((await call(app.url, `${EXECUTION}/receipt?limit=501`)).problem().status).toBe(422);
    expect((await call(app.url, `${EXECUTION.slice(0, -1)}0/receipt`)).problem().status).toBe(404);
  });
});

describe('history', () => {
  test('pages by cursor', async () => {
    const first = (await call(app.url, `${EXECUTION}/events?limit=1`)).json();
    expect(first).toMatchObject({ items: [{ seq: 1 }], nextCursor: '1' });
    const second = (await call(app.url, `${EXECUTION}/events?limit=1&cursor=1`)).json();
    expect(second).toMatchObject({ items: [{ seq: 2 }], nextCursor: null });
    expect((await call(app.url, `${EXECUTION}/events?cursor=x`)).problem().errors).toMatchObject([
      { path: 'cursor' },
    ]);
  });

  const follow = (path = '', headers: Record<string, string> = {}) =>
    new SseClient().open(`${app.url}${EXECUTION}/events${path}`, {
      headers: { accept: 'text/event-stream', ...headers },
    });

  test('is followed live to its end', async () => {
    const stream = await follow();
    expect([await stream.next(), await stream.next()]).toMatchObject([{ id: '1' }, { id: '2' }]);
    app.executions.move(ID, 'COMPLETED', 'execution_completed');
    expect(await stream.rest()).toMatchObject([{ id: '3', event: 'execution_completed', data: { seq: 3 } }]);
  });

  test('shows progress between, without an id', async () => {
    const stream = await follow('?cursor=2');
    await app.executions.until(() => app.executions.progressListeners.size === 1);
    const update = {
      executionId: ID,
      attempt: 1,
      callId: 'crawl#0',
      name: 'crawl',
      value: { done: 3 },
      at: 1,
    };
    for (const tell of app.executions.progressListeners) tell(update);
    expect(await stream.next()).toMatchObject({
      id: undefined,
      event: 'progress',
      data: { ...update, at: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    app.executions.move(ID, 'COMPLETED', 'execution_completed');
    expect(await stream.rest()).toMatchObject([{ id: '3' }]);
    expect(app.executions.progressListeners.size).toBe(0);
  });

  test('resumes by Last-Event-ID, or by the cursor', async () => {
    const byId = await follow('', { 'last-event-id': '1' });
    expect(await byId.next()).toMatchObject({ id: '2' });
    byId.disconnect();
    const byCursor = await follow('?cursor=1');
    expect(await byCursor.next()).toMatchObject({ id: '2' });
    byCursor.disconnect();
    const bad = await call(app.url, `${EXECUTION}/events`, { headers: { 'last-event-id': 'x' } });
    expect(bad.problem().errors).toMatchObject([{ path: 'last-event-id' }]);
  });

  test('of an unknown execution is 404, also as a stream', async () => {
    const headers = { accept: 'text/event-stream' };
    const path = '/workflows/known/executions/01930000-0000-7000-8000-0000000000ff/events';
    expect((await call(app.url, path, { headers })).problem().code).toBe('EXECUTION_NOT_FOUND');
    expect((await call(app.url, path)).problem().code).toBe('EXECUTION_NOT_FOUND');
  });

  test('is kept alive by a comment every 15 s', async () => {
    const setReal = globalThis.setInterval;
    const intervals = jest.spyOn(globalThis, 'setInterval');
    intervals.mockImplementation(((beat: () => void, ms: number) =>
      setReal(beat, ms === 15_000 ? 20 : ms)) as typeof setInterval);
    const stream = await follow('?cursor=2');
    expect(await stream.next()).toEqual({ id: undefined, event: undefined, data: {} });
    intervals.mockRestore();
    stream.disconnect();
    await app.executions.until(() => app.executions.following === 0);
  });

  test.each([
    ['text/event-stream', true],
    ['text/event-stream, */*', true],
    ['application/json, text/event-stream', true],
    ['application/json;q=0.5, Text/Event-Stream;charset=utf-8;q=0.9', true],
    ['text/*', true],
    ['text/event-stream;q=0', false],
    ['text/event-stream; q=0.000, application/json', false],
    ['text/event-stream;q=0.5, application/json', false],
    ['text/event-stream;q=0.5, */*', false],
    ['text/*, text/event-stream;q=0', false],
    ['application/json;profile=text/event-stream', false],
    ['text/event-streams', false],
    ['text/event-stream;q=none', false],
    ['*/*', false],
  ])('is followed where Accept: %s asks for that: %p', async (accept, isFollowed) => {
    app.executions.move(ID, 'COMPLETED', 'execution_completed');
    const { headers } = await call(app.url, `${EXECUTION}/events`, { headers: { accept } });
    const type = isFollowed ? 'text/event-stream' : 'application/json; charset=utf-8';
    expect(headers.get('content-type')).toBe(type);
  });

  test('HEAD does not follow', async () => {
    const headers = { accept: 'text/event-stream' };
    const answer = await call(app.url, `${EXECUTION}/events`, { method: 'HEAD', headers });
    expect(answer.status).toBe(200);
    expect(app.executions.following).toBe(0);
  });

  test('a client that reads slowly still gets everything', async () => {
    const stream = await follow();
    for (let count = 0; count < 3000; count += 1) app.executions.move(ID, 'RUNNING', 'x'.repeat(500));
    app.executions.move(ID, 'COMPLETED', 'execution_completed');
    expect(await stream.rest()).toHaveLength(3003);
  });
});

test('the list takes every filter', async () => {
  const query =
    'workflowName=known&state=RUNNING&state=FAILED&label=a:b&label=c:d:e&createdAfter=2026-01-01T00:00:00Z' +
    `&createdBefore=2026-02-01T00:00:00%2B01:00&parentExecutionId=${ID}&include=output,input&limit=7&cursor=c`;
  expect((await call(app.url, `/executions?${query}`)).json()).toMatchObject({
    items: [{}],
    nextCursor: null,
  });
  expect((await call(app.url, '/executions')).status).toBe(200);
  expect(app.executions.lists).toEqual([
    {
      workflowName: 'known',
      state: ['RUNNING', 'FAILED'],
      label: ['a:b', 'c:d:e'],
      createdAfter: '2026-01-01T00:00:00Z',
      createdBefore: '2026-02-01T00:00:00+01:00',
      parentExecutionId: ID,
      include: ['output', 'input'],
      limit: 7,
      cursor: 'c',
    },
    { limit: 50 },
  ]);
});

test.each([
  ['state=running', 'must be one of SCHEDULED, RUNNING,'],
  ['state=RUNNING&state=x', 'must be one of SCHEDULED, RUNNING,'],
  ['label=a', 'must be key:value'],
  ['createdAfter=yesterday', "such as '2026-11-28T03:00:00Z'"],
  ['createdAfter=%2B010000-01-01T00:00:00Z', "such as '2026-11-28T03:00:00Z'"],
  ['createdAfter=0000-12-31T23:59:59Z', 'must be in the years 1 to 9999'],
  ['createdBefore=0001-01-01T00:00:00%2B01:00', 'must be in the years 1 to 9999'],
  ['createdBefore=9999-12-31T23:59:59-01:00', 'must be in the years 1 to 9999'],
  ['createdBefore=2026-01-01T00:00:00-16:00', 'at most 15 hours off UTC'],
  ['limit=0', '>=1'],
  ['limit=1001', '<=1000'],
  ['limit=x', 'number'],
  ['page=2', 'not a known field'],
  ['include=error', 'must be input or output'],
  ['include=input&include=x', 'must be input or output'],
  ['include=', 'must be input or output'],
])('the list refuses %s, and says why', async (query, why) => {
  const problem = (await call(app.url, `/executions?${query}`)).problem();
  expect(problem).toMatchObject({ status: 422, code: 'INVALID_REQUEST' });
  expect(problem.errors).toMatchObject([
    { path: query.split('=')[0], message: expect.stringContaining(why) },
  ]);
});

test('workflows and workers', async () => {
  expect((await call(app.url, '/workflows')).json()).toMatchObject({ items: [{ workflowName: 'known' }] });
  expect((await call(app.url, '/workflows/known')).json()).toMatchObject({ workflowName: 'known' });
  expect((await call(app.url, '/workflows/other')).problem().code).toBe('WORKFLOW_NOT_FOUND');
  expect((await call(app.url, '/workers')).json()).toEqual({ items: [] });
});
