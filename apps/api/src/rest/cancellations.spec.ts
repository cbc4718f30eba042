import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { BulkCancelResource } from '@flux/contracts';
import { call } from './testing/client.js';
import { startTestApp, type TestApp } from './testing/test-app.js';

const UNKNOWN = '/cancellations/01940000-0000-7000-8000-0000000000ff';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const post = (body: unknown) =>
  call(app.url, '/cancellations', { method: 'POST', body, headers: { 'flux-actor': 'cli:ada' } });

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

test('its progress comes live where a stream is accepted, until it has finished', async () => {
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

test('DELETE stops it, and what is unknown is 404', async () => {
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
