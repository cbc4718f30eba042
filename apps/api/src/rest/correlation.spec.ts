import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { KNOWN_EVENT } from './testing/fake-cancellations.js';
import { call } from './testing/client.js';
import { startTestApp, type TestApp } from './testing/test-app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const send = (body: unknown) =>
  call(app.url, '/events', { method: 'POST', body, headers: { 'flux-actor': 'cli:ada' } });

test('an event that concerns executions is 202, with the bulk cancel it made', async () => {
  const answer = await send({ name: 'order_cancelled', key: KNOWN_EVENT.key, reason: 'why' });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/cancellations/${KNOWN_EVENT.cancellationId}`);
  expect(answer.json()).toEqual({ name: 'order_cancelled', ...KNOWN_EVENT });
  expect(app.cancellations.events.at(-1)).toEqual({
    ...{ name: 'order_cancelled', key: KNOWN_EVENT.key, requestedBy: 'cli:ada', reason: 'why' },
  });
});

test.each([['7'], [7], [true]])('%j is a key; an event that concerns nobody is 200', async (key) => {
  const answer = await send({ name: 'order_cancelled', key });
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
])('%j is refused, with what is wrong', async (body, path) => {
  const before = app.cancellations.events.length;
  const answer = await send(body);
  expect(answer.status).toBe(422);
  expect(answer.problem()).toMatchObject({ code: 'INVALID_REQUEST', hint: expect.any(String) });
  expect(answer.json()).toHaveProperty('errors.0.path', path);
  expect(app.cancellations.events).toHaveLength(before);
});

test('a GET sends nothing', async () => {
  expect((await call(app.url, '/events')).status).toBe(405);
});
