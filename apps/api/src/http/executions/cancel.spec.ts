import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { timed } from '@flux/testing';
import { call, type Call } from '../testing/client.js';
import { EXECUTION, ID, startTestAppWithExecution, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestAppWithExecution()));
afterEach(() => app.close());

const cancel = (query = '', options: Call = {}) =>
  call(app.url, `${EXECUTION}/cancel${query}`, { method: 'POST', ...options });
const run = () => app.executions.move(ID, 'RUNNING', 'execution_started');

test('202 while cancelling, again and again', async () => {
  run();
  for (const _ of [1, 2]) {
    const answer = await cancel();
    expect(answer.status).toBe(202);
    expect(answer.execution().state).toBe('CANCELLING');
  }
});

test('200 when it has ended at once, and when it was cancelled before', async () => {
  for (const _ of [1, 2]) {
    const answer = await cancel();
    expect(answer.status).toBe(200);
    expect(answer.execution().state).toBe('CANCELLED');
  }
});

test('what was asked reaches the service', async () => {
  await cancel('', {
    body: { reason: 'wrong file', force: true, gracePeriod: 'PT5S' },
    headers: { 'flux-actor': 'cli:ada' },
  });
  await cancel();
  const which = { workflowName: 'known', executionId: ID };
  expect(app.executions.cancels).toEqual([
    { ...which, requestedBy: 'cli:ada', reason: 'wrong file', force: true, gracePeriodMs: 5000 },
    { ...which, requestedBy: 'anonymous', reason: null, force: false, gracePeriodMs: undefined },
  ]);
});

test.each(['COMPLETED', 'FAILED'] as const)('409 with the final state when it was %s', async (state) => {
  app.executions.move(ID, state, 'execution_completed');
  expect((await cancel()).problem()).toMatchObject({
    status: 409,
    code: 'EXECUTION_ALREADY_FINISHED',
    state,
  });
  expect((await cancel('?mode=sync')).problem()).toMatchObject({ status: 409, state });
});

test.each(['CANCELLED', 'COMPLETED', 'FAILED'] as const)('sync: 200 when it ends %s', async (state) => {
  run();
  const answer = cancel('?mode=sync&timeout=5s');
  await app.executions.until(() => app.executions.cancels.length === 1);
  app.executions.move(ID, state, 'ended');
  expect((await answer).status).toBe(200);
  expect((await answer).execution().state).toBe(state);
});

test('sync: 202 with the present state within timeout + 250 ms', async () => {
  run();
  const { result, tookMs, heldUpMs } = await timed(() => cancel('?mode=sync&timeout=400ms'));
  expect(result.status).toBe(202);
  expect(result.execution().state).toBe('CANCELLING');
  expect(tookMs).toBeGreaterThanOrEqual(398);
  expect(tookMs - heldUpMs).toBeLessThan(650);
});

test.each<[string, string, Call, string]>([
  ['bad mode', '?mode=stream', {}, 'mode'],
  ['bad timeout', '?mode=sync&timeout=1x', {}, 'timeout'],
  ['unknown field', '', { body: { why: 'x' } }, 'why'],
  ['bad grace period', '', { body: { gracePeriod: '25h' } }, 'gracePeriod'],
  ['long reason', '', { body: { reason: 'x'.repeat(1001) } }, 'reason'],
  ['reason with half a character', '', { body: { reason: 'half \ud83d' } }, 'reason'],
  ['reason with NUL', '', { body: { reason: 'a\0b' } }, 'reason'],
  ['bad actor', '', { headers: { 'flux-actor': ' ' } }, 'flux-actor'],
])('422 on a %s, and nothing is cancelled', async (_name, query, options, path) => {
  expect((await cancel(query, options)).problem()).toMatchObject({ status: 422, errors: [{ path }] });
  expect(app.executions.cancels).toEqual([]);
});

test.each([`/workflows/other/executions/${ID}`, `/workflows/known/executions/nope`])(
  '404 for %s',
  async (path) => {
    const status = await call(app.url, path);
    expect(status.problem()).toMatchObject({ status: 404, code: 'EXECUTION_NOT_FOUND' });
    if (path.endsWith('nope')) {
      const answer = await call(app.url, `${path}/cancel`, { method: 'POST' });
      expect(answer.problem().code).toBe('EXECUTION_NOT_FOUND');
    }
  },
);

test.each(['GET', 'HEAD', 'PUT', 'OPTIONS'])('%s never cancels', async (method) => {
  const answer = await call(app.url, `${EXECUTION}/cancel`, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('POST, DELETE');
  expect(app.executions.cancels).toEqual([]);
});

test('DELETE never cancels: it takes a cancel back, and there is none', async () => {
  const answer = await call(app.url, `${EXECUTION}/cancel`, { method: 'DELETE' });
  expect(answer.problem()).toMatchObject({ status: 409, code: 'EXECUTION_NOT_CANCELLING' });
  expect(app.executions.cancels).toEqual([]);
});

test('a page of another site cannot cancel', async () => {
  const answer = await cancel('', { headers: { 'sec-fetch-site': 'cross-site' } });
  expect(answer.problem()).toMatchObject({ status: 403, code: 'INVALID_REQUEST' });
  expect(app.executions.cancels).toEqual([]);
});
