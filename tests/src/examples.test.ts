import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { progressResource, type EventResource } from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import type { ExecutionRef } from './support/rest.js';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy(['worker-a'], { FLUX_MAX_INPUT: '256 KiB' }, { workflows: EXAMPLES });
}, 60_000);

afterAll(() => flux.close(), 60_000);

async function ofType(execution: ExecutionRef, type: string): Promise<EventResource[]> {
  return (await flux.rest.history(execution)).filter((event) => event.type === type);
}

/** The events of a server-sent stream, as name and data. */
function streamed(
  text: unknown,
): Array<{ readonly id: boolean; readonly event: string; readonly data: unknown }> {
  return String(text)
    .split('\n\n')
    .filter((block) => block.includes('event: '))
    .map((block) => ({
      id: /^id: /m.test(block),
      event: /^event: (.*)$/m.exec(block)?.[1] ?? '',
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null') as unknown,
    }));
}

describe('the examples', () => {
  it('etl survives outages of its source', async () => {
    const started = await flux.rest.start('etl', { rows: 50, outages: 2 });
    const ended = await flux.rest.until(started, ({ finishedAt }) => finishedAt !== null);
    const [batch] = await ofType(ended, 'value_recorded');
    expect(ended).toMatchObject({ state: 'COMPLETED', output: { rows: 50, batch: batch?.data.value } });
    const [extract] = await ofType(ended, 'task_completed');
    expect(extract?.data).toMatchObject({ name: 'extract', tries: 3 });
    expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  });

  it('etl takes back what it loaded when the check fails, which is not tried again', async () => {
    const started = await flux.rest.start('etl', { rows: 5, outages: 0, corrupt: true });
    const ended = await flux.rest.until(started, ({ finishedAt }) => finishedAt !== null);
    expect(ended).toMatchObject({
      state: 'FAILED',
      error: { name: 'NonRetryableError', code: 'TASK_FAILED', message: expect.stringContaining('checksum') },
    });
    const [failed] = await ofType(ended, 'task_failed');
    expect(failed?.data).toMatchObject({ name: 'verify', tries: 1 });
    const undone = await ofType(ended, 'rollback_finished');
    expect(undone.map(({ data }) => data)).toEqual([{ callId: 'load#0', name: 'load', error: null }]);
    expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  });

  it('etl fails at the call whose output is too large, and tells its size', async () => {
    const started = await flux.rest.start('etl', { rows: 10_000, outages: 0 });
    const ended = await flux.rest.until(started, ({ finishedAt }) => finishedAt !== null);
    expect(ended).toMatchObject({ state: 'FAILED', error: { code: 'PAYLOAD_TOO_LARGE' } });
    expect(ended.error?.message).toMatch(
      /^the output of task 'extract' is \d+ bytes of JSON, more than the 262144 /,
    );
  });

  it('parallel_map keeps the order, and falls back for the items that fail', async () => {
    const answer = await flux.rest.request('POST', '/workflows/parallel_map/executions?mode=sync', {
      body: { input: { items: 10, concurrency: 3, failEvery: 4 } },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'COMPLETED', output: { total: 285, estimated: 2 } },
    });
    const done = await ofType(answer.body as ExecutionRef, 'task_completed');
    const fallen = done.filter(({ data }) => 'fallbackFor' in data);
    expect(fallen.map(({ data }) => data.callId).sort()).toEqual(['measure#3', 'measure#7']);
    expect(fallen[0]?.data.fallbackFor).toMatchObject({
      message: expect.stringMatching(/cannot be measured/),
    });
  });

  it('sales_report calls a child for each region, and goes on without the one that failed', async () => {
    const answer = await flux.rest.request('POST', '/workflows/sales_report/executions?mode=sync', {
      body: { input: { regions: ['north', 'nowhere'] } },
    });
    expect(answer).toMatchObject({
      ...{ status: 200 },
      body: { state: 'COMPLETED', output: { north: 2100, nowhere: 'failed: there is no nowhere-0' } },
    });
    const started = await ofType(answer.body as ExecutionRef, 'child_started');
    expect(started.map(({ data }) => data.workflowName)).toEqual(['region_total', 'region_total']);
  });

  it('agent_loop streams its progress, live only', async () => {
    const answer = await flux.rest.request('POST', '/workflows/agent_loop/executions?mode=stream', {
      body: {},
    });
    const events = streamed(answer.body);
    const progress = events.filter(({ event }) => event === 'progress');
    expect(progress.length).toBeGreaterThan(4);
    expect(progress.every(({ id }) => !id)).toBe(true);
    const told = progress.map(({ data }) => progressResource.parse(data));
    expect(new Set(told.map(({ name }) => name))).toEqual(new Set(['think', 'use_tool']));
    expect(events.at(-1)).toMatchObject({
      event: 'execution',
      data: { state: 'COMPLETED', output: { answer: '4478 m, that is 14692 ft', steps: 2 } },
    });
    const { executionId, workflowName } = events[0]?.data as ExecutionRef;
    const history = await flux.rest.history({ executionId, workflowName });
    expect(history.map(({ type }) => type)).not.toContain('progress');
  });

  it('nightly_report is run by its schedule', async () => {
    const body = { scheduleId: 'nightly', workflowName: 'nightly_report', cron: '0 2 * * *', catchUp: '6h' };
    const schedule = await flux.rest.request('POST', '/schedules', { body });
    expect(schedule).toMatchObject({ status: 201, body: { timeZone: 'UTC', lastFire: null } });
    // Not by hand: the night comes now.
    await flux.sandbox.query(
      "UPDATE schedules SET next_fire_at = now(), due_at = now() WHERE id = 'nightly'",
    );
    const fired = async (): Promise<ExecutionRef | undefined> => {
      const page = await flux.rest.request('GET', '/executions?label=flux.schedule:nightly');
      return (page.body as { items: ExecutionRef[] }).items[0];
    };
    let execution = await fired();
    for (; !execution; execution = await fired()) await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = await flux.rest.until(execution, ({ finishedAt }) => finishedAt !== null);
    expect(ended).toMatchObject({ state: 'COMPLETED', output: { total: 100 } });
    expect((await ofType(ended, 'execution_scheduled'))[0]?.data.requestedBy).toBe('schedule:nightly');
  });

  it('agent_loop stops in the middle of a thought', async () => {
    const started = await flux.rest.start('agent_loop', { question: 'word '.repeat(300) });
    await flux.rest.until(started, ({ state }) => state === 'RUNNING');
    const answer = await flux.rest.cancel(started, '?mode=sync');
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    expect(await ofType(started, 'task_completed')).toEqual([]);
  });
});
