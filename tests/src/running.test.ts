import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { executionPage, problem, workflowPage, type ExecutionResource } from '@flux/contracts';
import { ofType } from './support/history.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { expectLegal, reach } = flux.rest;

const executions = (workflowName: string): string => `/workflows/${workflowName}/executions`;

describe('starting an execution', () => {
  it('answers 201 with its place, runs it and keeps its result', async () => {
    const answer = await flux.rest.request('POST', executions('one_task'), {
      body: { input: { value: 'hello' }, labels: { team: 'media' } },
      headers: { 'flux-actor': 'script:nightly' },
    });
    expect(answer.status).toBe(201);
    const started = answer.body as ExecutionResource;
    expect(answer.headers.get('location')).toBe(`${executions('one_task')}/${started.executionId}`);
    expect(started).toMatchObject({
      state: 'SCHEDULED',
      attempt: 0,
      labels: { team: 'media' },
      output: null,
    });
    const ended = await reach(started, 'COMPLETED');
    expect(ended).toMatchObject({ output: { marked: 'hello' }, attempt: 1, error: null, cancellation: null });
    expect(ended.workerId).toMatch(/^worker-a@/);
    const history = await flux.rest.history(await expectLegal(ended));
    expect(history.map((event) => event.type)).toEqual([
      'execution_scheduled',
      'execution_started',
      'task_completed',
      'execution_completed',
    ]);
    expect(history[0]?.data).toMatchObject({ requestedBy: 'script:nightly' });
  });

  it('mode=sync answers 200 with the final state, FAILED with its error included', async () => {
    const completed = await flux.rest.request('POST', `${executions('one_task')}?mode=sync`, { body: {} });
    expect(completed).toMatchObject({
      status: 200,
      body: { state: 'COMPLETED', output: { marked: 'done' } },
    });
    const failed = await flux.rest.request('POST', `${executions('failing')}?mode=sync`);
    expect(failed).toMatchObject({
      status: 200,
      body: { state: 'FAILED', output: null, error: { name: 'RangeError', message: 'no such page' } },
    });
  });

  it('mode=sync answers 202 with the present state at its timeout, and leaves the execution alone', async () => {
    const answer = await MachinePace.inTime(flux.sandbox.databaseUrl, 500 + 250 + 500, () =>
      flux.rest.request('POST', `${executions('sleeper')}?mode=sync&timeout=500ms`),
    );
    expect(answer.status).toBe(202);
    const execution = answer.body as ExecutionResource;
    expect(['SCHEDULED', 'RUNNING']).toContain(execution.state);
    await reach(execution, 'RUNNING');
    await flux.rest.cancel(execution);
  });

  it('mode=stream tells every event as it comes and ends with the final state', async () => {
    const path = `${executions('one_task')}?mode=stream`;
    const { status, headers, body } = await flux.rest.request('POST', path, { body: {} });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/event-stream');
    const names = [...String(body).matchAll(/^event: ?(.+)$/gm)].map((match) => match[1]);
    expect(names).toEqual([
      'execution',
      'execution_scheduled',
      'execution_started',
      'task_completed',
      'execution_completed',
      'execution',
    ]);
    const last = [...String(body).matchAll(/^data: ?(.+)$/gm)].at(-1)?.[1] ?? '';
    expect(JSON.parse(last)).toMatchObject({ state: 'COMPLETED', output: { marked: 'done' } });
  });

  it('is the same execution again for the same id, and 409 for another input', async () => {
    const executionId = randomUUID();
    const body = { executionId, input: { value: 'once' } };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => flux.rest.request('POST', executions('one_task'), { body })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map((answer) => (answer.body as ExecutionResource).executionId))).toEqual(
      new Set([executionId]),
    );
    const other = { executionId, input: { value: 'twice' } };
    const conflict = await flux.rest.request('POST', executions('one_task'), { body: other });
    expect(conflict).toMatchObject({ status: 409, body: { code: 'EXECUTION_CONFLICT' } });
  });

  it('is the same execution again for the same Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'import-2026-11-22' };
    const first = await flux.rest.request('POST', executions('one_task'), { body: { input: {} }, headers });
    const second = await flux.rest.request('POST', executions('one_task'), { body: { input: {} }, headers });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect((second.body as ExecutionResource).executionId).toBe(
      (first.body as ExecutionResource).executionId,
    );
    const conflict = await flux.rest.request('POST', executions('one_task'), {
      body: { input: { value: 'other' } },
      headers,
    });
    expect(conflict.status).toBe(409);
  });

  it('refuses an input that does not fit the schema, naming the field, and starts nothing', async () => {
    const before = await flux.count('executions');
    const body = { input: { value: 42 } };
    const answer = await flux.rest.request('POST', executions('one_task'), { body });
    expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_INPUT' } });
    expect(problem.parse(answer.body).errors?.[0]?.path).toMatch(/value/);
    expect(await flux.count('executions')).toBe(before);
  });

  it('of an unknown workflow is 404 with a hint', async () => {
    const answer = await flux.rest.request('POST', executions('nobody_knows'), { body: {} });
    expect(answer).toMatchObject({ status: 404, body: { code: 'WORKFLOW_NOT_FOUND', status: 404 } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(problem.parse(answer.body).hint).not.toBe('');
  });
});

describe('what others see of an execution', () => {
  it('its live history resumes after Last-Event-ID', async () => {
    const execution = await flux.rest.started('one_task', {}, 'COMPLETED');
    const path = `${executions('one_task')}/${execution.executionId}/events`;
    const { body } = await flux.rest.request('GET', path, {
      headers: { accept: 'text/event-stream', 'last-event-id': '2' },
    });
    expect([...String(body).matchAll(/^id: ?(\d+)$/gm)].map((match) => match[1])).toEqual(['3', '4']);
  });

  it('the list filters by workflow, state and label, and pages without gap or double', async () => {
    const batch = randomUUID();
    const started = await Promise.all(
      ['even', 'odd', 'even', 'odd', 'even', 'odd', 'even'].map((parity, n) =>
        flux.rest.started('one_task', { value: `${n}` }, 'COMPLETED', { labels: { batch, parity } }),
      ),
    );
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = `?label=batch:${batch}&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = executionPage.parse((await flux.rest.request('GET', `/executions${query}`)).body);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map((item) => item.executionId));
      cursor = page.nextCursor;
    }
    expect(new Set(seen)).toEqual(new Set(started.map((one) => one.executionId)));
    expect(seen).toHaveLength(7);
    const odd = await flux.rest.request('GET', `/executions?label=batch:${batch}&label=parity:odd`);
    expect(executionPage.parse(odd.body).items).toHaveLength(3);
    const none = await flux.rest.request('GET', `/executions?label=batch:${batch}&state=FAILED`);
    expect(executionPage.parse(none.body)).toEqual({ items: [], nextCursor: null });
  });

  it('workflows and workers show what is registered and who is there', async () => {
    const workflows = await flux.rest.list('/workflows', workflowPage);
    expect(workflows.map((one) => one.workflowName)).toEqual(
      expect.arrayContaining(['busy', 'one_task', 'tidy']),
    );
    expect(workflows.find((one) => one.workflowName === 'one_task')?.inputSchema).toMatchObject({
      type: 'object',
      properties: { value: { type: 'string' } },
    });
    const workers = await flux.rest.workers();
    expect(workers).toEqual([expect.objectContaining({ name: 'worker-a', state: 'running' })]);
    expect((await flux.rest.request('GET', '/workflows/nobody_knows')).status).toBe(404);
  });

  it('an unknown execution, and one under another workflow, is 404', async () => {
    const execution = await flux.rest.start('one_task', {});
    for (const path of [
      `${executions('one_task')}/${randomUUID()}`,
      `${executions('one_task')}/not-an-id`,
      `${executions('tidy')}/${execution.executionId}`,
    ]) {
      expect(await flux.rest.request('GET', path)).toMatchObject({
        status: 404,
        body: { code: 'EXECUTION_NOT_FOUND' },
      });
    }
  });
});

describe('a worker that drains', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'on %s it hands over what still runs, and finished tasks do not run again (elsewhere: a deploy past its drain timeout writes CANCELLED instead of handing the work over)',
    async (signal) => {
      const file = temporaryFile('drain');
      const leaving = await flux.startWorker('leaving', { FLUX_WORKER_DRAIN: '200ms' });
      const batch = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          flux.rest.started('steps', { file: `${file}.${n}`, count: 6, pauseMs: 400 }),
        ),
      );
      const left = batch.filter(({ workerId }) => workerId?.startsWith('leaving@'));
      expect(left.length).toBeGreaterThan(0);
      await Promise.all(left.map((one) => flux.rest.untilEvent(one, 'task_completed')));
      expect(await leaving.stop(signal)).toEqual({ code: 0, signal: null });
      for (const [n, one] of batch.entries()) {
        const ended = await reach(one, 'COMPLETED');
        expect(ended).toMatchObject({ output: { steps: 6 }, cancellation: null });
        const lines = linesOf(`${file}.${n}`);
        expect(new Set(lines).size).toBe(6);
        await expectLegal(ended);
      }
      const handedOver = await flux.rest.history(left[0] as ExecutionResource);
      expect(handedOver.map(({ type }) => type)).toContain('execution_handed_back');
      const recorded = ofType(handedOver, 'task_completed');
      expect(recorded.map(({ data }) => data.callId)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `step#${n}`));
    },
  );
});
