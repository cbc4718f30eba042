import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { BulkCancelResource } from '@flux/contracts';
import { call } from '../testing/client.js';
import { KNOWN_EVENT } from '../testing/fake-cancellations.js';
import { startTestApp, type TestApp } from '../testing/test-app.js';

const UNKNOWN = '/cancellations/01940000-0000-7000-8000-0000000000ff';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

const post = (body: unknown, path = '/cancellations') =>
  call(app.url, path, { method: 'POST', body, headers: { 'flux-actor': 'cli:ada' } });

test('a bulk cancel is 202 with the job and where it is found', async () => {
  const answer = await post({
    filter: { workflowName: 'known', state: 'RUNNING', label: 'team:a', labels: { env: 'x' } },
    reason: 'why',
    gracePeriod: '2s',
    ratePerSecond: 5,
  });
  const job = answer.json() as BulkCancelResource;
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/cancellations/${job.cancellationId}`);
  expect(app.cancellations.commands.at(-1)).toEqual({
    filter: { workflowName: 'known', state: ['RUNNING'], label: ['team:a'], labels: { env: 'x' } },
    requestedBy: 'cli:ada',
    reason: 'why',
    force: false,
    gracePeriodMs: 2_000,
    ratePerSecond: 5,
  });
  const path = `/cancellations/${job.cancellationId}`;
  expect((await call(app.url, path)).json()).toEqual(job);
  expect((await call(app.url, `${path}/executions?outcome=gone&outcome=failed`)).status).toBe(200);
  expect((await call(app.url, '/cancellations?limit=2')).json()).toMatchObject({ items: [job] });
});

test('a dry run is 200 and makes no job', async () => {
  const before = app.cancellations.commands.length;
  const answer = await post({ filter: { all: true }, dryRun: true });
  expect([answer.status, answer.json()]).toEqual([
    200,
    { dryRun: true, total: 0, byState: {}, examples: [] },
  ]);
  expect(app.cancellations.previews.at(-1)).toEqual({ all: true });
  expect(app.cancellations.commands).toHaveLength(before);
});

test.each([
  [{}, 'filter'],
  [{ filter: {} }, "'all': true"],
  [{ filter: { labels: {} } }, "'all': true"],
  [{ filter: { all: true, workflowName: 'known' } }, "'all' beside"],
  [{ filter: { all: false } }, 'filter.all'],
  [{ filter: { state: 'COMPLETED' } }, 'has ended'],
  [{ filter: { state: [] } }, 'filter.state'],
  [
    { filter: { state: 'ended' } },
    'filter.state: must be one of SCHEDULED, RUNNING, PAUSED, SLEEPING, CANCELLING,',
  ],
  [
    { filter: { createdBefore: '0000-01-01T00:00:00Z' } },
    'filter.createdBefore: must be in the years 1 to 9999',
  ],
  [{ filter: { workflow: 'known' } }, 'filter.workflow'],
  [{ filter: { all: true }, ratePerSecond: 0 }, 'ratePerSecond'],
  [{ filter: { all: true }, gracePeriod: '2 days' }, 'gracePeriod'],
  [{ filter: { all: true }, reason: 'a\0' }, 'reason'],
])('%j is refused, with what is wrong', async (body, words) => {
  const answer = await post(body);
  expect(answer.status).toBe(422);
  expect(answer.problem()).toMatchObject({
    code: 'INVALID_REQUEST',
    detail: expect.stringContaining(words),
  });
});

test('the progress of a bulk cancel comes live where a stream is accepted, until its end', async () => {
  const job = (await post({ filter: { all: true } })).json() as BulkCancelResource;
  const { text, headers } = await call(app.url, `/cancellations/${job.cancellationId}`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(headers.get('content-type')).toBe('text/event-stream');
  const events = text.trim().split('\n\n');
  expect(events).toHaveLength(2);
  expect(events[0]).toBe(`event: cancellation\ndata: ${JSON.stringify(job)}`);
  expect(events[1]).toContain('"state":"completed"');
});

test('DELETE stops a bulk cancel, and an unknown one is 404', async () => {
  const job = (await post({ filter: { all: true } })).json() as BulkCancelResource;
  const path = `/cancellations/${job.cancellationId}`;
  expect((await call(app.url, path, { method: 'DELETE' })).json()).toMatchObject({ state: 'stopped' });
  await call(app.url, `${path}?undo=true&reason=oops`, { method: 'DELETE' });
  expect(app.cancellations.stops).toEqual([null, { requestedBy: 'anonymous', reason: 'oops' }]);
  for (const [method, unknown] of [
    ['GET', UNKNOWN],
    ['DELETE', UNKNOWN],
    ['GET', `${UNKNOWN}/executions`],
    ['GET', '/cancellations/nonsense'],
  ] as const) {
    const answer = await call(app.url, unknown, { method });
    expect([answer.status, answer.problem().code]).toEqual([404, 'CANCELLATION_NOT_FOUND']);
  }
});

test('an event that concerns executions is 202, with the bulk cancel it made', async () => {
  const answer = await post({ name: 'order_cancelled', key: KNOWN_EVENT.key, reason: 'why' }, '/events');
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/cancellations/${KNOWN_EVENT.cancellationId}`);
  expect(answer.json()).toEqual({ name: 'order_cancelled', ...KNOWN_EVENT });
  expect(app.cancellations.events.at(-1)).toEqual({
    name: 'order_cancelled',
    key: KNOWN_EVENT.key,
    requestedBy: 'cli:ada',
    reason: 'why',
  });
});

test.each([['7'], [7], [true]])('%j is a key; an event that concerns nobody is 200', async (key) => {
  const answer = await post({ name: 'order_cancelled', key }, '/events');
  expect([answer.status, answer.headers.get('location')]).toEqual([200, null]);
  const nothing = { executions: 0, cancellationId: null };
  expect(answer.json()).toEqual({ name: 'order_cancelled', key: String(key), ...nothing });
  expect(app.cancellations.events.at(-1)).toMatchObject({ key: String(key), reason: null });
});

test.each([
  [{}, 'name'],
  [{ name: 'a b', key: 'x' }, 'name'],
  [{ name: 'a'.repeat(129), key: 'x' }, 'name'],
  [{ name: 'a' }, 'key'],
  [{ name: 'a', key: '' }, 'key'],
  [{ name: 'a', key: null }, 'key'],
  [{ name: 'a', key: ['x'] }, 'key'],
  [{ name: 'a', key: 'x\0' }, 'key'],
  [{ name: 'a', key: 'x'.repeat(3_000), reason: 'y'.repeat(1_001) }, 'reason'],
  [{ name: 'a', key: 'x', reason: '\ud800' }, 'reason'],
  [{ name: 'a', key: 'x', force: true }, 'force'],
])('the event %j is refused, with what is wrong', async (body, path) => {
  const before = app.cancellations.events.length;
  const answer = await post(body, '/events');
  expect(answer.status).toBe(422);
  expect(answer.problem()).toMatchObject({ code: 'INVALID_REQUEST', hint: expect.any(String) });
  expect(answer.json()).toHaveProperty('errors.0.path', path);
  expect(app.cancellations.events).toHaveLength(before);
});

test('a GET sends nothing', async () => {
  expect((await call(app.url, '/events')).status).toBe(405);
});
