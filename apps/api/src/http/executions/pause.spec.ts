import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { call, type Call } from '../testing/client.js';
import { EXECUTION, ID, startTestAppWithExecution, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestAppWithExecution()));
afterEach(() => app.close());

const post = (what: 'pause' | 'resume', options: Call = {}, execution = EXECUTION) =>
  call(app.url, `${execution}/${what}`, { method: 'POST', ...options });

test('a pause is 202 while the execution runs, 200 once it is PAUSED', async () => {
  app.executions.move(ID, 'RUNNING', 'execution_started');
  expect((await post('pause', { body: { reason: 'lunch' } })).status).toBe(202);
  app.executions.move(ID, 'PAUSED', 'execution_paused');
  const answer = await post('pause');
  expect([answer.status, answer.execution().state]).toEqual([200, 'PAUSED']);
});

test('a resume is 200 when the execution goes on, 202 when the resume is kept; its input is null where it has none', async () => {
  expect((await post('resume', { body: { input: { approved: true }, pause: 'approval' } })).status).toBe(202);
  app.executions.move(ID, 'PAUSED', 'execution_paused');
  expect((await post('resume', { headers: { 'flux-actor': 'cli:ada' } })).status).toBe(200);
  expect(app.executions.resumes).toMatchObject([
    { requestedBy: 'anonymous', input: { approved: true }, pause: 'approval' },
    { requestedBy: 'cli:ada', input: null },
  ]);
});

test.each(['pause', 'resume'] as const)('%s is refused with a code', async (what) => {
  const code = async (...args: Parameters<typeof post>) => {
    const answer = await post(...args);
    return [answer.status, answer.problem().code];
  };
  expect(await code(what, { body: { because: 1 } })).toEqual([422, 'INVALID_REQUEST']);
  expect(await code(what, { body: { pause: 'x'.repeat(301) } })).toEqual([422, 'INVALID_REQUEST']);
  app.executions.move(ID, 'CANCELLING', 'cancel_requested');
  expect(await code(what)).toEqual([409, 'EXECUTION_CANCELLING']);
  app.executions.move(ID, 'COMPLETED', 'execution_completed');
  expect(await code(what)).toEqual([409, 'EXECUTION_ALREADY_FINISHED']);
  const unknown = EXECUTION.replace(ID, '01930000-0000-7000-8000-00000000000c');
  expect(await code(what, {}, unknown)).toEqual([404, 'EXECUTION_NOT_FOUND']);
});
