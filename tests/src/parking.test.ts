import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

const CONCURRENCY = '5';
const MANY = 1_000;

let flux: Deployment;
let worker: FluxProcess;

const startWorker = async (name: string): Promise<void> => {
  worker = await flux.startWorker(name, { FLUX_WORKER_CONCURRENCY: CONCURRENCY });
};

beforeAll(async () => {
  flux = await deploy([]);
  await startWorker('worker-a');
}, 60_000);

afterAll(() => flux.close(), 60_000);

const reach = (execution: ExecutionResource, state: ExecutionResource['state']): Promise<ExecutionResource> =>
  flux.rest.until(execution, (present) => present.state === state);

const started = async (workflowName: string, input: unknown, state: ExecutionResource['state'], extra = {}) =>
  reach(await flux.rest.start(workflowName, input, extra), state);

const ask = (execution: ExecutionResource, what: 'pause' | 'resume', body: unknown = undefined) =>
  flux.rest.request(
    'POST',
    `/workflows/${execution.workflowName}/executions/${execution.executionId}/${what}`,
    {
      body,
    },
  );

const cli = async (...args: string[]): Promise<FluxProcess> => {
  const process = flux.sandbox.spawnFlux(args, { FLUX_SERVER_URL: flux.url });
  await process.exited;
  return process;
};

const lines = async (file: string): Promise<string[]> => (await readFile(file, 'utf8')).trim().split('\n');

const typesOf = async (execution: ExecutionResource): Promise<string[]> =>
  (await flux.rest.history(execution)).map(({ type }) => type);

const expectLegal = async (execution: ExecutionResource): Promise<void> => {
  expect(historyFaults(execution, await flux.rest.history(execution))).toEqual([]);
};

/** Resident memory of a process, in MiB. */
async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}

describe('a long sleep', () => {
  it('comes back on another worker after the first was killed, at most 1 s late, and repeats nothing', async () => {
    const file = temporaryFile('napping');
    const execution = await started('napping', { file, for: '6s' }, 'SLEEPING');
    expect(execution).toMatchObject({ workerId: null, waiting: { for: 'sleep' } });
    await worker.kill();
    await startWorker('worker-b');
    const ended = await reach(execution, 'COMPLETED');
    expect(ended).toMatchObject({ output: { attempt: 2 }, waiting: null });
    expect(await lines(file)).toEqual(['before', 'after']);
    const history = await flux.rest.history(ended);
    expect(history.map(({ type }) => type)).toEqual([
      'execution_scheduled',
      'execution_started',
      'task_completed',
      'timer_started',
      'execution_sleeping',
      'execution_woken',
      'execution_started',
      'task_completed',
      'execution_completed',
    ]);
    const woken = history.find(({ type }) => type === 'execution_woken');
    const lateMs = Date.parse(woken?.at ?? '') - Date.parse(execution.waiting?.until ?? '');
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(1_000);
    await expectLegal(ended);
  }, 60_000);

  it('holds no slot and no memory: a thousand of them leave a worker of five free', async () => {
    await started('dozing', { for: '1h' }, 'SLEEPING');
    const before = await residentMiB(worker.pid);
    const sleepers = await Promise.all(
      Array.from({ length: MANY }, () =>
        flux.rest.start('dozing', { for: '1h' }, { labels: { many: 'yes' } }),
      ),
    );
    await Promise.all(sleepers.slice(-20).map((sleeper) => reach(sleeper, 'SLEEPING')));
    const sleeping = async (): Promise<number> => {
      const [row] = await flux.sandbox.query<{ count: number }>(
        'SELECT count(*)::int FROM executions WHERE state = \'SLEEPING\' AND labels @> \'{"many":"yes"}\'',
      );
      return row?.count ?? 0;
    };
    while ((await sleeping()) < MANY) await wait(50);
    const after = await residentMiB(worker.pid);
    expect(after - before).toBeLessThan(60);
    const workers = await flux.rest.request('GET', '/workers');
    expect(JSON.stringify(workers.body)).toContain('"running":0');
    const began = performance.now();
    await started('one_task', {}, 'COMPLETED');
    expect(performance.now() - began).toBeLessThan(2_000);
  }, 120_000);

  it('does not stop the time limit of its execution', async () => {
    const file = temporaryFile('timeout');
    const execution = await started('tidy_parked', { file, where: 'sleep' }, 'SLEEPING', { timeout: '2s' });
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation).toMatchObject({ cause: 'timeout', cleanup: 'succeeded' });
    expect(await lines(file)).toEqual(['before', 'cleanup']);
    await expectLegal(ended);
  }, 60_000);
});

describe('ctx.pause', () => {
  it('waits for a resume over REST and returns its input', async () => {
    const execution = await started('approval', null, 'PAUSED');
    expect(execution).toMatchObject({
      workerId: null,
      waiting: { for: 'pause', pause: 'approval', until: null },
    });
    expect(await ask(execution, 'resume', { input: { by: 'ada' } })).toMatchObject({
      status: 200,
      body: { state: 'SCHEDULED', waiting: null },
    });
    const ended = await reach(execution, 'COMPLETED');
    expect(ended.output).toEqual({ word: { by: 'ada' } });
    await expectLegal(ended);
    expect(await ask(execution, 'resume')).toMatchObject({
      status: 409,
      body: { code: 'EXECUTION_ALREADY_FINISHED', state: 'COMPLETED' },
    });
  });

  it('is shown and resumed on the command line', async () => {
    const execution = await started('approval', null, 'PAUSED');
    const { executionId: id } = execution;
    const status = await cli('workflow', 'status', 'approval', id);
    expect(status.stdout).toMatch(/PAUSED/);
    expect(status.stdout).toMatch(/for a resume of 'approval'/);
    const resumed = await cli('workflow', 'resume', 'approval', id, '{"by":"ada"}');
    expect(await resumed.exited).toMatchObject({ code: 0 });
    expect((await reach(execution, 'COMPLETED')).output).toEqual({ word: { by: 'ada' } });
    const again = await cli('workflow', 'pause', 'approval', id);
    expect(await again.exited).toMatchObject({ code: 3 });
  }, 60_000);

  it('takes a resume that came before it', async () => {
    const execution = await flux.rest.start('approval', null);
    const answer = await ask(execution, 'resume', { input: 'early' });
    expect([200, 202]).toContain(answer.status);
    expect((await reach(execution, 'COMPLETED')).output).toEqual({ word: 'early' });
  });

  it('with a sleep beside it ends when that is due', async () => {
    const execution = await started('approval', { limit: '6s' }, 'PAUSED');
    expect(execution.waiting?.until).not.toBeNull();
    expect((await reach(execution, 'COMPLETED')).output).toEqual({ word: 'nobody answered' });
  }, 60_000);
});

describe('a pause from outside', () => {
  it('parks what runs at its next call, and a resume lets it go on where it was', async () => {
    const file = temporaryFile('stepping');
    const execution = await flux.rest.start('stepping', { file, count: 40 });
    await flux.rest.untilHistory(execution, (events) => events.some(({ type }) => type === 'task_completed'));
    expect(await ask(execution, 'pause', { reason: 'lunch' })).toMatchObject({
      status: 202,
      body: { state: 'RUNNING' },
    });
    const paused = await reach(execution, 'PAUSED');
    expect(paused).toMatchObject({ workerId: null, waiting: { for: 'request' } });
    const steps = (await lines(file)).length;
    expect(await ask(execution, 'pause')).toMatchObject({ status: 200, body: { state: 'PAUSED' } });
    await wait(300);
    expect(await lines(file)).toHaveLength(steps);
    expect((await ask(execution, 'resume')).status).toBe(200);
    const ended = await reach(execution, 'COMPLETED');
    expect(await lines(file)).toEqual(Array.from({ length: 40 }, (_, step) => `step ${step}`));
    await expectLegal(ended);
  }, 60_000);

  it('stops a sleep at once, which keeps when it is due', async () => {
    const execution = await started('dozing', { for: '1h' }, 'SLEEPING');
    const until = execution.waiting?.until;
    expect(await ask(execution, 'pause')).toMatchObject({
      status: 200,
      body: { state: 'PAUSED', waiting: { for: 'request', until } },
    });
    await ask(execution, 'resume');
    expect((await reach(execution, 'SLEEPING')).waiting?.until).toBe(until);
  });

  it('is refused under a cancel, for what has ended and for what is not known', async () => {
    const execution = await started('stubborn', {}, 'RUNNING');
    await flux.rest.cancel(execution, '', { gracePeriod: '2s' });
    for (const what of ['pause', 'resume'] as const) {
      expect(await ask(execution, what)).toMatchObject({
        status: 409,
        body: { code: 'EXECUTION_CANCELLING' },
      });
      const unknown = { ...execution, executionId: '01926a3e-0000-7000-8000-000000000001' };
      expect(await ask(unknown, what)).toMatchObject({ status: 404, body: { code: 'EXECUTION_NOT_FOUND' } });
    }
    await reach(execution, 'CANCELLED');
  }, 60_000);
});

describe('a cancel skipped when deferred or parked', () => {
  it.each([
    ['sleep', 'SLEEPING'],
    ['pause', 'PAUSED'],
  ] as const)(
    'no hook, or only while executing: the cleanup of a %s runs once',
    async (where, state) => {
      const file = temporaryFile(where);
      const execution = await started('tidy_parked', { file, where }, state);
      const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s');
      expect(answer).toMatchObject({
        status: 200,
        body: { state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } },
      });
      expect(await lines(file)).toEqual(['before', 'cleanup']);
      await expectLegal(answer.body as ExecutionResource);
    },
    60_000,
  );

  it('reaches one that is just being parked, or woken', async () => {
    const executions = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const execution = await flux.rest.start('approval', null);
        await wait(index * 3);
        await Promise.all([ask(execution, 'resume'), ask(execution, 'pause'), flux.rest.cancel(execution)]);
        return execution;
      }),
    );
    for (const execution of executions) {
      const ended = await flux.rest.until(execution, ({ finishedAt }) => finishedAt !== null);
      await expectLegal(ended);
    }
  }, 120_000);

  it('leaves none stuck when its owners are killed meanwhile', async () => {
    const file = temporaryFile('chaos');
    const executions = await Promise.all(
      Array.from({ length: 90 }, (_, index) =>
        index % 3 === 0
          ? flux.rest.start('stepping', { file, count: 30 })
          : index % 3 === 1
            ? flux.rest.start('approval', { limit: '6s' })
            : flux.rest.start('napping', { file, for: '5200ms' }),
      ),
    );
    const doSomething = (execution: ExecutionResource, turn: number): Promise<unknown> =>
      [
        () => ask(execution, 'pause'),
        () => ask(execution, 'resume', { input: turn }),
        () => flux.rest.cancel(execution),
      ][turn % 5 === 4 ? 2 : turn % 2]?.() ?? Promise.resolve();
    for (let round = 0; round < 3; round += 1) {
      const works = executions.map(async (execution, index) => {
        await wait((index * 37) % 700);
        await doSomething(execution, index + round);
      });
      await wait(350);
      await worker.kill();
      await startWorker(`worker-chaos-${round}`);
      await Promise.all(works);
    }
    await Promise.all(
      executions.map(async (execution) => {
        await ask(execution, 'resume', { input: 'the end' });
        await expectLegal(await flux.rest.until(execution, ({ finishedAt }) => finishedAt !== null));
      }),
    );
  }, 180_000);

  it('and no worker by the deadline: CANCELLED, the cleanup not run', async () => {
    const file = temporaryFile('nobody');
    const execution = await started('tidy_parked', { file, where: 'pause' }, 'PAUSED');
    await worker.stop('SIGTERM', 20_000);
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '1s' });
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { cleanup: 'not_run' } },
    });
    expect(await lines(file)).toEqual(['before']);
    expect(await typesOf(execution)).not.toContain('cancel_delivered');
    await startWorker('worker-c');
  }, 60_000);
});
