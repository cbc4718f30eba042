import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  executionPage,
  firePage,
  fireResource,
  schedulePage,
  scheduleResource,
  SCHEDULE_LABEL,
  type ExecutionResource,
  type ListedExecutionResource,
  type FireResource,
  type ScheduleResource,
} from '@flux/contracts';
import { until } from '@flux/testing';
import type { Server } from './support/deployment.js';
import type { Answer } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

/** Two api replicas and a worker, all real processes; planned times are moved in the database instead of waited for. */
const flux = useDeployment(['worker-a']);
let replica: Server;

beforeAll(async () => {
  replica = await flux.startServer();
}, 60_000);

const post = (path: string, body: object = {}): Promise<Answer> => flux.rest.request('POST', path, { body });

async function create(scheduleId: string, body: object): Promise<ScheduleResource> {
  const answer = await post('/schedules', { scheduleId, ...body });
  expect(answer).toMatchObject({ status: 201 });
  expect(answer.headers.get('location')).toBe(`/schedules/${scheduleId}`);
  return scheduleResource.parse(answer.body);
}

async function act(scheduleId: string, what: 'pause' | 'resume'): Promise<ScheduleResource> {
  return scheduleResource.parse((await post(`/schedules/${scheduleId}/${what}`)).body);
}

async function trigger(scheduleId: string): Promise<FireResource> {
  return fireResource.parse((await post(`/schedules/${scheduleId}/trigger`)).body);
}

async function read(scheduleId: string): Promise<ScheduleResource> {
  return scheduleResource.parse((await flux.rest.request('GET', `/schedules/${scheduleId}`)).body);
}

/** Every fire, oldest first. */
const history = async (scheduleId: string): Promise<FireResource[]> =>
  (await flux.rest.list(`/schedules/${scheduleId}/history?limit=100`, firePage)).reverse();

/** Resolves with the schedule's fires once `accept` holds; there is no event of a fire to wait for. */
async function untilFires(
  scheduleId: string,
  accept: (fires: readonly FireResource[]) => boolean,
): Promise<FireResource[]> {
  return until(`the fires of ${scheduleId}`, async () => {
    const fires = await history(scheduleId);
    return accept(fires) && fires;
  });
}

async function startedBy(scheduleId: string): Promise<ListedExecutionResource[]> {
  const path = `/executions?limit=1000&label=${SCHEDULE_LABEL}:${scheduleId}`;
  return flux.rest.list(path, executionPage);
}

/** Paused schedules of every second become as if they had begun `seconds` ago, and no api had run since. */
async function arm(seconds: number, ...scheduleIds: string[]): Promise<void> {
  await flux.sandbox.query(
    `UPDATE schedules SET paused = false, anchor_at = begin, next_fire_at = begin + interval '1 s', due_at = begin
      FROM (SELECT date_trunc('milliseconds', now()) - $2 * interval '1 s' AS begin) AS moved
      WHERE id = ANY($1)`,
    [scheduleIds, seconds],
  );
}

const outcomes = (fires: readonly FireResource[]): string[] => fires.map(({ outcome }) => outcome);

describe('two replicas', () => {
  it('fire each time once, also when one is SIGKILLed in the middle', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `every-second-${index}`);
    await Promise.all(
      names.map((name) =>
        create(name, { workflowName: 'one_task', every: '1s', overlap: 'allow', paused: true }),
      ),
    );
    await arm(25, ...names);
    await untilFires(names[0] ?? '', (fires) => fires.length > 0);
    await replica.process.kill();
    for (const name of names) {
      const fires = await untilFires(name, (each) => each.length >= 27);
      const times = fires.map(({ plannedAt }) => Date.parse(plannedAt));
      expect(times).toEqual(times.map((_, index) => (times[0] ?? 0) + index * 1_000));
      expect(new Set(outcomes(fires))).toEqual(new Set(['started']));
      await act(name, 'pause');
      const ids = (await history(name)).map(({ executionId }) => executionId);
      expect((await startedBy(name)).map(({ executionId }) => executionId).sort()).toEqual(ids.sort());
    }
    const [first] = await startedBy(names[0] ?? '');
    if (!first) throw new Error('nothing was started');
    const ended = await flux.rest.reach(first, 'COMPLETED');
    expect(ended.labels).toEqual({ [SCHEDULE_LABEL]: names[0] });
    const [scheduled] = await flux.rest.history(ended);
    expect(scheduled).toMatchObject({
      type: 'execution_scheduled',
      data: { requestedBy: `schedule:${names[0]}` },
    });
  }, 60_000);
});

describe('a time that finds the previous execution going on', () => {
  const SLEEPER = { workflowName: 'sleeper', every: '30d', labels: { kind: 'overlap' } };

  async function stop(fire: FireResource | undefined): Promise<ExecutionResource> {
    const ref = { workflowName: 'sleeper', executionId: fire?.executionId ?? '' };
    return (await flux.rest.cancel(ref, '?mode=sync')).body as ExecutionResource;
  }

  it('skip: is left out, and says what was going on', async () => {
    await create('skips', SLEEPER);
    const [first, second] = [await trigger('skips'), await trigger('skips')];
    expect([first.outcome, second.outcome]).toEqual(['started', 'skipped']);
    expect(second.reason).toContain(first.executionId);
    const [execution] = await startedBy('skips');
    expect(execution?.labels).toEqual({ kind: 'overlap', [SCHEDULE_LABEL]: 'skips' });
    await stop(first);
  });

  it('allow: starts all the same', async () => {
    await create('allows', { ...SLEEPER, overlap: 'allow', input: { for: '1ms' } });
    expect(outcomes([await trigger('allows'), await trigger('allows')])).toEqual(['started', 'started']);
  });

  it('queue: one waits, and starts when the previous execution has ended', async () => {
    await create('queues', { ...SLEEPER, overlap: 'queue' });
    const first = await trigger('queues');
    expect(outcomes([await trigger('queues'), await trigger('queues')])).toEqual(['queued', 'skipped']);
    expect((await read('queues')).waiting).toBe(true);
    const ended = await stop(first);
    const fires = await untilFires('queues', (each) => each[1]?.outcome === 'started');
    expect(fires[1]).toMatchObject({
      seq: 2,
      triggeredBy: 'anonymous',
      reason: expect.stringContaining('waited'),
    });
    expect(Date.parse(fires[1]?.firedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ended.finishedAt ?? ''));
    expect((await read('queues')).lastExecutionId).toBe(fires[1]?.executionId);
    await stop(fires[1]);
  });

  it('cancel: cancels it the ordinary way, and starts after its end', async () => {
    await create('cancels', { ...SLEEPER, overlap: 'cancel' });
    const first = await trigger('cancels');
    const ref = { workflowName: 'sleeper', executionId: first.executionId ?? '' };
    await flux.rest.reach(ref, 'RUNNING');
    expect((await trigger('cancels')).outcome).toBe('queued');
    const fires = await untilFires('cancels', (each) => each[1]?.outcome === 'started');
    const cancelled = await flux.rest.status('sleeper', ref.executionId);
    expect(cancelled).toMatchObject({
      state: 'CANCELLED',
      cancellation: {
        requestedBy: 'schedule:cancels',
        cause: 'request',
        reason: expect.stringContaining('cancels'),
      },
    });
    expect(Date.parse(fires[1]?.firedAt ?? '')).toBeGreaterThanOrEqual(
      Date.parse(cancelled.finishedAt ?? ''),
    );
    await stop(fires[1]);
  });
});

describe('the life of a schedule', () => {
  it('a late start makes up what came within the window, and tells what was missed in one line', async () => {
    await create('late', {
      workflowName: 'one_task',
      every: '1s',
      overlap: 'allow',
      catchUp: '10s',
      paused: true,
    });
    await arm(3_600, 'late');
    const [missed, ...others] = await untilFires('late', (fires) => fires.length > 5);
    expect(missed).toMatchObject({
      outcome: 'missed',
      executionId: null,
      reason: expect.stringMatching(/10s.*more/),
    });
    expect(missed?.count).toBe(1_000);
    expect(others.length).toBeLessThan(20);
    expect(outcomes(others).every((outcome) => outcome === 'started')).toBe(true);
    await post('/schedules/late/pause');
  });

  it('paused it fires nothing, resumed it makes up for nothing, deleted it is gone and its executions stay', async () => {
    await create('pauses', { workflowName: 'one_task', every: '1h', catchUp: '1d' });
    expect(await act('pauses', 'pause')).toMatchObject({ paused: true, nextFireTimes: [] });
    await flux.sandbox.query(
      "UPDATE schedules SET anchor_at = anchor_at - interval '10 h' WHERE id = 'pauses'",
    );
    const resumed = await act('pauses', 'resume');
    expect(Date.parse(resumed.nextFireTimes[0] ?? '')).toBeGreaterThan(Date.now());
    expect(resumed.nextFireTimes).toHaveLength(5);
    expect(await history('pauses')).toEqual([]);
    const { executionId } = await trigger('pauses');
    expect((await read('pauses')).lastFire?.executionId).toBe(executionId);
    expect((await flux.rest.request('DELETE', '/schedules/pauses')).status).toBe(200);
    for (const path of ['', '/history']) {
      const answer = await flux.rest.request('GET', `/schedules/pauses${path}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'SCHEDULE_NOT_FOUND' } });
    }
    expect(await startedBy('pauses')).toHaveLength(1);
  });

  it('a single time fires once, and then it is over', async () => {
    await create('once', { workflowName: 'one_task', at: new Date(Date.now() + 300).toISOString() });
    const [fire] = await untilFires('once', (fires) => fires.length > 0);
    expect(fire).toMatchObject({ outcome: 'started', triggeredBy: null });
    expect(await read('once')).toMatchObject({ nextFireTimes: [], paused: false });
  });

  it('a single time that passes while it is paused is told as missed, and fires no more', async () => {
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    await create('misses', { workflowName: 'one_task', at: at(300), paused: true });
    await create('waits', { workflowName: 'one_task', at: at(3_600_000) });
    expect(await act('waits', 'pause')).toMatchObject({ nextFireTimes: [], paused: true });
    const [fire] = await untilFires('misses', (fires) => fires.length > 0);
    expect(fire).toMatchObject({ outcome: 'missed', reason: 'the schedule was paused', executionId: null });
    await flux.server.waitFor(/"scheduleId":"misses".*a schedule missed a planned time/);
    expect((await flux.cli('schedule', 'show', 'misses')).stdout).toMatch(/missed: the schedule was paused/);
    expect(await act('misses', 'resume')).toMatchObject({
      nextFireTimes: [],
      lastFire: { outcome: 'missed' },
    });
    expect(await startedBy('misses')).toEqual([]);
    expect((await act('waits', 'resume')).nextFireTimes).toHaveLength(1);
    expect(await history('waits')).toEqual([]);
  });

  it('a fire that cannot start is recorded, and stops neither its schedule nor others', async () => {
    const input = { value: 'x' };
    await create('breaks', { workflowName: 'one_task', every: '1s', overlap: 'allow', input, paused: true });
    await flux.sandbox.query(
      `UPDATE schedules SET spec = jsonb_set(spec::jsonb, '{input,value}', '1')::json WHERE id = 'breaks'`,
    );
    await arm(4, 'breaks');
    const failed = await untilFires('breaks', (fires) => fires.length >= 3);
    expect(failed[0]).toMatchObject({ outcome: 'failed', code: 'INVALID_INPUT', executionId: null });
    expect(failed[0]?.reason).toContain('value');
    const spec = { workflowName: 'one_task', every: '1s', overlap: 'allow', input };
    expect((await flux.rest.request('PUT', '/schedules/breaks', { body: spec })).status).toBe(200);
    const fires = await untilFires('breaks', (each) => each.at(-1)?.outcome === 'started');
    expect(new Set(outcomes(fires))).toEqual(new Set(['failed', 'started']));
    await post('/schedules/breaks/pause');
  });

  it('remembers its last 1,000 fires', async () => {
    await create('remembers', { workflowName: 'one_task', every: '1h' });
    await flux.sandbox.query(
      `INSERT INTO schedule_fires (schedule_id, seq, planned_at, fired_at, outcome, count)
        SELECT 'remembers', n, to_timestamp(n), to_timestamp(n), 'skipped', 1 FROM generate_series(1, 1200) n`,
    );
    await flux.sandbox.query("UPDATE schedules SET fire_seq = 1200 WHERE id = 'remembers'");
    await trigger('remembers');
    const fires = await history('remembers');
    expect([fires.length, fires[0]?.seq, fires.at(-1)?.seq]).toEqual([1_000, 202, 1_201]);
  });
});

describe('over REST', () => {
  const NIGHTLY = {
    workflowName: 'one_task',
    cron: '0 2 * * *',
    timeZone: 'Europe/Berlin',
    input: { value: 'n' },
  };

  it('the same request again is the same schedule, another one with its id a conflict', async () => {
    const made = await create('nightly', { ...NIGHTLY, catchUp: '1h' });
    expect(made).toMatchObject({
      overlap: 'skip',
      every: null,
      at: null,
      createdBy: 'anonymous',
      lastFire: null,
    });
    const again = await post('/schedules', { scheduleId: 'nightly', ...NIGHTLY, catchUp: 'PT60M' });
    expect(again).toMatchObject({ status: 200, body: { catchUp: '1h' } });
    const other = await post('/schedules', { scheduleId: 'nightly', ...NIGHTLY, cron: '0 3 * * *' });
    expect(other).toMatchObject({ status: 409, body: { code: 'SCHEDULE_CONFLICT' } });
    const named = scheduleResource.parse((await post('/schedules', NIGHTLY)).body);
    expect(named.scheduleId).toMatch(/^one_task-[0-9a-f]{8}$/);
    const parallel = await Promise.all(
      Array.from({ length: 8 }, () => post('/schedules', { scheduleId: 'raced', ...NIGHTLY })),
    );
    expect(parallel.map(({ status }) => status).sort()).toEqual([...Array<number>(7).fill(200), 201]);
  });

  it.each([
    [{ cron: undefined, timeZone: undefined }, 'cron'],
    [{ every: '15m' }, 'cron'],
    [{ cron: '0 2 * *' }, 'cron'],
    [{ cron: '0 25 * * *' }, 'cron'],
    [{ timeZone: 'Europe/Atlantis' }, 'timeZone'],
    [{ cron: undefined, every: '1h' }, 'timeZone'],
    [{ cron: undefined, timeZone: undefined, every: '0s' }, 'every'],
    [{ cron: undefined, timeZone: undefined, at: '2020-01-01T00:00:00Z' }, 'at'],
    [{ catchUp: '1s' }, 'catchUp'],
    [{ timeout: 'soon' }, 'timeout'],
    [{ labels: { [SCHEDULE_LABEL]: 'x' } }, 'labels'],
    [{ scheduleId: 'a b' }, 'scheduleId'],
    [{ colour: 'red' }, 'colour'],
    [{ input: { value: 1 } }, 'value'],
  ])('%j is refused, naming %s', async (change, path) => {
    const answer = await post('/schedules', { ...NIGHTLY, ...change });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } });
  });

  it('an unknown workflow or schedule is not found', async () => {
    const unknown = await post('/schedules', { ...NIGHTLY, workflowName: 'nobody' });
    expect(unknown).toMatchObject({ status: 404, body: { code: 'WORKFLOW_NOT_FOUND' } });
    for (const path of ['/schedules/nobody/pause', '/schedules/nobody/trigger', '/schedules/a%20b/resume']) {
      expect(await post(path)).toMatchObject({ status: 404, body: { code: 'SCHEDULE_NOT_FOUND' } });
    }
  });

  it('lists by id, page by page, and changes what a schedule does', async () => {
    const listed = await flux.rest.list('/schedules?workflowName=one_task&limit=2', schedulePage);
    const ids = listed.map(({ scheduleId }) => scheduleId);
    expect(ids).toEqual([...ids].sort());
    expect(ids).toContain('nightly');
    const body = { ...NIGHTLY, cron: '30 4 * * *', note: 'later' };
    const changed = (await flux.rest.request('PUT', '/schedules/nightly', { body })).body as ScheduleResource;
    expect(changed).toMatchObject({ cron: '30 4 * * *', note: 'later', catchUp: '1m' });
    expect(changed.nextFireTimes[0]).toMatch(/T0[23]:30:00.000Z$/);
  });
});
