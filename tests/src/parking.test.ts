import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { familyMiB, queryOnce, until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { passTimeLimit } from './support/time-limit.js';
import { useDeployment } from './support/use-deployment.js';

const MANY = 1_000;

const flux = useDeployment(['worker-a'], { FLUX_WORKER_CONCURRENCY: '5' });
const { act, cancelled, end, expectLegal, reach, started, typesOf, untilEvent } = flux.rest;

describe('a long sleep', () => {
  it('comes back on another worker after the first was killed, at most 1 s late, and repeats nothing', async () => {
    const file = temporaryFile('napping');
    const execution = await started('napping', { file, for: '6s' }, 'SLEEPING');
    expect(execution).toMatchObject({ workerId: null, waiting: { for: 'sleep' } });
    await flux.worker.kill();
    const pace = await MachinePace.begin(flux.sandbox.databaseUrl);
    await flux.startWorker('worker-b');
    const ended = await reach(execution, 'COMPLETED').finally(() => pace.close());
    expect(ended).toMatchObject({ output: { attempt: 2 }, waiting: null });
    expect(linesOf(file)).toEqual(['before', 'after']);
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
    const [dueAt, wokenAt] = [Date.parse(execution.waiting?.until ?? ''), Date.parse(woken?.at ?? '')];
    expect(wokenAt).toBeGreaterThanOrEqual(dueAt);
    expect(pace.fairMs(dueAt, wokenAt)).toBeLessThan(1_000);
    await expectLegal(ended);
  }, 60_000);

  it('holds no slot and no memory: a thousand of them leave a worker of five free', async () => {
    await started('dozing', { for: '1h' }, 'SLEEPING');
    const before = (await familyMiB(flux.worker.pid)).taken;
    const sleepers = await Promise.all(
      Array.from({ length: MANY }, () =>
        flux.rest.start('dozing', { for: '1h' }, { labels: { many: 'yes' } }),
      ),
    );
    await Promise.all(sleepers.slice(-20).map((sleeper) => reach(sleeper, 'SLEEPING')));
    const sleeping = `executions WHERE state = 'SLEEPING' AND labels @> '{"many":"yes"}'`;
    await until('all to sleep', async () => (await flux.count(sleeping)) >= MANY, 90_000);
    const after = (await familyMiB(flux.worker.pid)).taken;
    expect(after - before).toBeLessThan(60);
    const workers = await flux.rest.request('GET', '/workers');
    expect(JSON.stringify(workers.body)).toContain('"running":0');
    await MachinePace.inTime(flux.sandbox.databaseUrl, 2_000, () => started('one_task', {}, 'COMPLETED'));
  }, 120_000);

  it('does not stop the time limit of its execution', async () => {
    const file = temporaryFile('timeout');
    const execution = await started('tidy_parked', { file, where: 'sleep' }, 'SLEEPING', { timeout: '1h' });
    await passTimeLimit(flux.sandbox, execution);
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation).toMatchObject({ cause: 'timeout', cleanup: 'succeeded' });
    expect(linesOf(file)).toEqual(['before', 'cleanup']);
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
    expect(await act(execution, 'resume', { input: { by: 'ada' } })).toMatchObject({
      status: 200,
      body: { state: 'SCHEDULED', waiting: null },
    });
    const ended = await reach(execution, 'COMPLETED');
    expect(ended.output).toEqual({ word: { by: 'ada' } });
    await expectLegal(ended);
    expect(await act(execution, 'resume')).toMatchObject({
      status: 409,
      body: { code: 'EXECUTION_ALREADY_FINISHED', state: 'COMPLETED' },
    });
  });

  it('is shown and resumed on the command line', async () => {
    const execution = await started('approval', null, 'PAUSED');
    const { executionId: id } = execution;
    const status = await flux.cli('workflow', 'status', 'approval', id);
    expect(status.stdout).toMatch(/PAUSED/);
    expect(status.stdout).toMatch(/for a resume of 'approval'/);
    const resumed = await flux.cli('workflow', 'resume', 'approval', id, '{"by":"ada"}');
    expect(resumed.code).toBe(0);
    expect((await reach(execution, 'COMPLETED')).output).toEqual({ word: { by: 'ada' } });
    const again = await flux.cli('workflow', 'pause', 'approval', id);
    expect(again.code).toBe(3);
  }, 60_000);

  it('takes a resume that came before it', async () => {
    const execution = await flux.rest.start('approval', null);
    const answer = await act(execution, 'resume', { input: 'early' });
    expect([200, 202]).toContain(answer.status);
    expect((await reach(execution, 'COMPLETED')).output).toEqual({ word: 'early' });
  });

  it('is ended by the resume that names it, and a repeat is refused (elsewhere: two clicks on one gate open the next)', async () => {
    const execution = await started('three_gates', null, 'PAUSED');
    const click = { pause: 'first', input: 1 };
    const both = await Promise.all([act(execution, 'resume', click), act(execution, 'resume', click)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const early = await act(execution, 'resume', { pause: 'third', input: 3 });
    expect(early.status).toBe(202);
    await flux.rest.until(execution, ({ waiting }) => waiting?.pause === 'second');
    for (const pause of ['first', '$pause.first#0']) {
      expect(await act(execution, 'resume', { pause, input: 9 })).toMatchObject({
        status: 409,
        body: { code: 'PAUSE_PASSED', hint: expect.any(String) },
      });
    }
    const { executionId: id } = execution;
    const repeat = await flux.cli('workflow', 'resume', 'three_gates', id, '9', '--pause', 'first');
    expect(repeat).toMatchObject({ code: 1, stderr: expect.stringContaining('PAUSE_PASSED') });
    const named = await flux.cli('workflow', 'resume', 'three_gates', id, '2', '--pause', 'second');
    expect(named.code).toBe(0);
    expect((await reach(execution, 'COMPLETED')).output).toEqual([1, 2, 3]);
    await expectLegal(await end(execution));
  }, 60_000);

  it('holds though a nameless resume is sent twice before it, or right after another', async () => {
    const execution = await started('three_gates', null, 'PAUSED');
    const both = await Promise.all([1, 8].map((input) => act(execution, 'resume', { input })));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'PAUSE_NOT_NAMED' });
    await flux.rest.until(execution, ({ waiting }) => waiting?.pause === 'second');
    await flux.rest.cancel(execution);
    await end(execution);
  });

  it('gets its own of many large resumes that were kept, and none of them slows the steps meanwhile (elsewhere: kept resumes stop the execution that they are for)', async () => {
    const file = temporaryFile('kept');
    const execution = await started('kept_resumes', { file, gates: 3 }, 'RUNNING');
    for (let gate = 20; gate >= 0; gate -= 1) {
      const input = gate < 3 ? gate : 'x'.repeat(900_000);
      const answer = await act(execution, 'resume', { pause: `gate-${gate}`, input });
      expect(answer.status).toBe(202);
    }
    const [parking] = await queryOnce<{ answer: number }>(
      flux.sandbox.databaseUrl,
      `SELECT octet_length(parking::text) AS answer FROM executions WHERE id = '${execution.executionId}'`,
    );
    expect(parking?.answer).toBeLessThan(3_000);
    writeFileSync(file, 'go');
    expect((await end(execution)).output).toEqual([0, 1, 2]);
  }, 120_000);

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
    await untilEvent(execution, 'task_completed');
    expect(await act(execution, 'pause', { reason: 'lunch' })).toMatchObject({
      status: 202,
      body: { state: 'RUNNING' },
    });
    const paused = await reach(execution, 'PAUSED');
    expect(paused).toMatchObject({ workerId: null, waiting: { for: 'request' } });
    const steps = linesOf(file).length;
    expect(await act(execution, 'pause')).toMatchObject({ status: 200, body: { state: 'PAUSED' } });
    await wait(300);
    expect(linesOf(file)).toHaveLength(steps);
    expect((await act(execution, 'resume')).status).toBe(200);
    const ended = await reach(execution, 'COMPLETED');
    expect(linesOf(file)).toEqual(Array.from({ length: 40 }, (_, step) => `step ${step}`));
    await expectLegal(ended);
  }, 60_000);

  it('stops a sleep at once, which keeps when it is due', async () => {
    const execution = await started('dozing', { for: '1h' }, 'SLEEPING');
    const dueAt = execution.waiting?.until;
    expect(await act(execution, 'pause')).toMatchObject({
      status: 200,
      body: { state: 'PAUSED', waiting: { for: 'request', until: dueAt } },
    });
    await act(execution, 'resume');
    expect((await reach(execution, 'SLEEPING')).waiting?.until).toBe(dueAt);
  });

  it('is refused under a cancel, for what has ended and for what is not known', async () => {
    const execution = await started('stubborn', {}, 'RUNNING');
    await flux.rest.cancel(execution, '', { gracePeriod: '2s' });
    for (const what of ['pause', 'resume'] as const) {
      expect(await act(execution, what)).toMatchObject({
        status: 409,
        body: { code: 'EXECUTION_CANCELLING' },
      });
      const unknown = { ...execution, executionId: '01926a3e-0000-7000-8000-000000000001' };
      expect(await act(unknown, what)).toMatchObject({ status: 404, body: { code: 'EXECUTION_NOT_FOUND' } });
    }
    await reach(execution, 'CANCELLED');
  }, 60_000);
});

describe('a cancel of what is parked (elsewhere: skipped when deferred or parked)', () => {
  it.each([
    ['sleep', 'SLEEPING'],
    ['pause', 'PAUSED'],
  ] as const)(
    'runs the cleanup of a %s once (elsewhere: no hook, or only while executing)',
    async (where, state) => {
      const file = temporaryFile(where);
      const execution = await started('tidy_parked', { file, where }, state);
      const { cancellation } = await cancelled(execution);
      expect(cancellation?.cleanup).toBe('succeeded');
      expect(linesOf(file)).toEqual(['before', 'cleanup']);
    },
    60_000,
  );

  it('reaches what is just being parked, or woken', async () => {
    const executions = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const execution = await flux.rest.start('approval', null);
        await wait(index * 3);
        await Promise.all([act(execution, 'resume'), act(execution, 'pause'), flux.rest.cancel(execution)]);
        return execution;
      }),
    );
    for (const execution of executions) {
      const ended = await end(execution);
      await expectLegal(ended);
    }
  }, 120_000);

  it('leaves nothing stuck when the owners are killed meanwhile', async () => {
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
        () => act(execution, 'pause'),
        () => act(execution, 'resume', { input: turn }),
        () => flux.rest.cancel(execution),
      ][turn % 5 === 4 ? 2 : turn % 2]?.() ?? Promise.resolve();
    for (let round = 0; round < 3; round += 1) {
      const works = executions.map(async (execution, index) => {
        await wait((index * 37) % 700);
        await doSomething(execution, index + round);
      });
      await wait(350);
      await flux.worker.kill();
      await flux.startWorker(`worker-chaos-${round}`);
      await Promise.all(works);
    }
    await Promise.all(
      executions.map(async (execution) => {
        await act(execution, 'resume', { input: 'the end' });
        await expectLegal(await end(execution));
      }),
    );
  }, 180_000);

  it('ends at its last moment without a worker: CANCELLED, the cleanup not run', async () => {
    const file = temporaryFile('nobody');
    const execution = await started('tidy_parked', { file, where: 'pause' }, 'PAUSED');
    await flux.worker.stop();
    const { cancellation } = await cancelled(execution, { gracePeriod: '1s' });
    expect(cancellation?.cleanup).toBe('not_run');
    expect(linesOf(file)).toEqual(['before']);
    expect(await typesOf(execution)).not.toContain('cancel_delivered');
    await flux.startWorker('worker-c');
  }, 60_000);
});
