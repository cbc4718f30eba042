import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { executionPage, executionReceipt, progressResource, type HistoryEventType } from '@flux/contracts';
import { isAlive, until } from '@flux/testing';
import { ofType } from './support/history.js';
import type { ExecutionRef } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));

const flux = useDeployment(['worker-a'], { FLUX_MAX_INPUT: '256 KiB' }, { workflows: EXAMPLES });
const { end, expectLegal } = flux.rest;

async function recorded<T extends HistoryEventType>(execution: ExecutionRef, type: T) {
  return ofType(await flux.rest.history(execution), type);
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
    const ended = await end(started);
    const [batch] = await recorded(ended, 'value_recorded');
    expect(ended).toMatchObject({ state: 'COMPLETED', output: { rows: 50, batch: batch?.data.value } });
    const [extract] = await recorded(ended, 'task_completed');
    expect(extract?.data).toMatchObject({ name: 'extract', tries: 3 });
    await expectLegal(ended);
  });

  it('etl takes back what it loaded when the check fails, which is not tried again', async () => {
    const started = await flux.rest.start('etl', { rows: 5, outages: 0, corrupt: true });
    const ended = await end(started);
    expect(ended).toMatchObject({
      state: 'FAILED',
      error: { name: 'NonRetryableError', code: 'TASK_FAILED', message: expect.stringContaining('checksum') },
    });
    const [failed] = await recorded(ended, 'task_failed');
    expect(failed?.data).toMatchObject({ name: 'verify', tries: 1 });
    const undone = await recorded(ended, 'rollback_finished');
    expect(undone.map(({ data }) => data)).toEqual([{ callId: 'load#0', name: 'load', error: null }]);
    await expectLegal(ended);
  });

  it('etl fails at the call whose output is too large, and tells its size', async () => {
    const started = await flux.rest.start('etl', { rows: 10_000, outages: 0 });
    const ended = await end(started);
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
    const done = await recorded(answer.body as ExecutionRef, 'task_completed');
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
      status: 200,
      body: { state: 'COMPLETED', output: { north: 2100, nowhere: 'failed: there is no nowhere-0' } },
    });
    const started = await recorded(answer.body as ExecutionRef, 'child_started');
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
    expect(await flux.rest.typesOf(events[0]?.data as ExecutionRef)).not.toContain('progress');
  });

  it('nightly_report is run by its schedule', async () => {
    const body = { scheduleId: 'nightly', workflowName: 'nightly_report', cron: '0 2 * * *', catchUp: '6h' };
    const schedule = await flux.rest.request('POST', '/schedules', { body });
    expect(schedule).toMatchObject({ status: 201, body: { timeZone: 'UTC', lastFire: null } });
    // Not by hand: the night comes now.
    await flux.sandbox.query(
      "UPDATE schedules SET next_fire_at = now(), due_at = now() WHERE id = 'nightly'",
    );
    const fired = await until('the night', async () => {
      const [execution] = await flux.rest.list('/executions?label=flux.schedule:nightly', executionPage);
      return execution;
    });
    const ended = await end(fired);
    expect(ended).toMatchObject({ state: 'COMPLETED', output: { total: 100 } });
    expect((await recorded(ended, 'execution_scheduled'))[0]?.data.requestedBy).toBe('schedule:nightly');
  });

  it('media leaves neither native code nor programs behind, and its receipt names them', async () => {
    const started = await flux.rest.start('media', {});
    await flux.rest.untilHistory(started, (events) => ofType(events, 'task_started').length === 2);
    const ended = await flux.rest.cancelled(started);
    expect(ended.cancellation).toMatchObject({ forced: true });
    const path = `/workflows/media/executions/${ended.executionId}/receipt`;
    const receipt = executionReceipt.parse((await flux.rest.request('GET', path)).body);
    expect(receipt.cutOff.items.map(({ name, how }) => [name, how]).sort()).toEqual([
      ['encode', 'killed'],
      ['pack', 'killed'],
    ]);
    expect(receipt.programs?.items.map(({ how }) => how)).toEqual(['SIGTERM', 'SIGTERM']);
    for (const { pid } of receipt.programs?.items ?? []) expect(isAlive(pid)).toBe(false);
  }, 60_000);

  it('agent_loop stops in the middle of a thought', async () => {
    const started = await flux.rest.started('agent_loop', { question: 'word '.repeat(300) });
    await flux.rest.cancelled(started);
    expect(await recorded(started, 'task_completed')).toEqual([]);
  });
});
