import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { BulkCancelResource } from '@flux/contracts';
import { call } from '../testing/client.js';
import { startTestApp, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

const post = (path: string, body?: unknown) =>
  call(app.url, `/workers/${path}`, { method: 'POST', body, headers: { 'flux-actor': 'cli:ada' } });

test.each([
  ['pause', 'pause'],
  ['drain', 'drain'],
  ['resume', null],
] as const)('%s notes who asked the workers of a name, and why', async (verb, kind) => {
  const answer = await post(`known/${verb}`, { reason: 'disk' });
  expect(answer.status).toBe(200);
  expect(answer.json()).toMatchObject({ name: 'known', workers: [] });
  expect(app.byHand.wishes.at(-1)).toEqual({ kind, requestedBy: 'cli:ada', reason: 'disk' });
  expect((await post(`known/${verb}`)).status).toBe(200);
  expect(app.byHand.wishes.at(-1)).toEqual({ kind, requestedBy: 'cli:ada', reason: null });
});

test('cancel-all is 202 with a bulk cancel of what they hold, and where it is found', async () => {
  const answer = await post('known/cancel-all', { reason: 'wrong batch', gracePeriod: '2s', force: true });
  const job = answer.json() as BulkCancelResource;
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/cancellations/${job.cancellationId}`);
  expect(app.cancellations.commands).toEqual([
    {
      filter: { worker: 'known' },
      requestedBy: 'cli:ada',
      reason: 'wrong batch',
      force: true,
      gracePeriodMs: 2_000,
      ratePerSecond: undefined,
    },
  ]);
});

test.each(['nobody', 'known@0a1b2c3d'])('asking %s is 404 with a hint, whatever is asked', async (name) => {
  const asked = app.cancellations.commands.length;
  for (const verb of ['pause', 'resume', 'drain', 'cancel-all']) {
    const answer = await post(`${name}/${verb}`);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({
      code: 'WORKER_NOT_FOUND',
      hint: expect.stringContaining('GET /workers'),
    });
  }
  expect(app.cancellations.commands).toHaveLength(asked);
});

test.each([{ reason: 7 }, { why: 'disk' }])('a wrong body %j is 422', async (body) => {
  for (const verb of ['pause', 'resume', 'drain', 'cancel-all'])
    expect((await post(`known/${verb}`, body)).status).toBe(422);
});
