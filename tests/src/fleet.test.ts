import { readFile, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isTerminal } from '@flux/domain';
import type { ExecutionResource, WorkflowResource } from '@flux/contracts';
import { until } from '@flux/testing';
import type { Server } from './support/deployment.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a', 'worker-b']);
const { expectCancelled, expectLegal, reach } = flux.rest;
let replica: Server;

beforeAll(async () => {
  replica = await flux.startServer();
}, 60_000);

describe('two api replicas and two workers', () => {
  it('200 executions cancelled at random moments all end as history says, on either replica', async () => {
    const sides = [flux.rest, replica.rest];
    const one = async (n: number): Promise<ExecutionResource> => {
      const [here, there] = n % 2 === 0 ? sides : [...sides].reverse();
      if (!here || !there) throw new Error('there are two replicas');
      // Executions are short, where a cancel may come too late, or long, where it cannot.
      const input = { file: `${file}.${n}`, count: n % 4 < 2 ? 3 : 400, pauseMs: 40 };
      const execution = await here.start('steps', input);
      // A random moment is the point of this test, not a wait for something.
      await wait(Math.random() * 400);
      const answer = await there.cancel(execution, '?mode=sync&timeout=30s');
      expect([200, 409]).toContain(answer.status);
      const present = await here.status('steps', execution.executionId);
      expect(isTerminal(present.state)).toBe(true);
      expect(present).toEqual(await there.status('steps', execution.executionId));
      const told = answer.body as { state: string };
      expect(told.state).toBe(present.state);
      return present;
    };
    const file = temporaryFile('random');
    const ended = await Promise.all(Array.from({ length: 200 }, (_, n) => one(n)));
    for (const execution of ended) await replica.rest.expectLegal(execution);
    const states = new Set(ended.map(({ state }) => state));
    expect([...states].every((state) => state === 'CANCELLED' || state === 'COMPLETED')).toBe(true);
    expect(states.has('CANCELLED')).toBe(true);
    await expectNothingAfterTheEnd(ended, file);
  }, 120_000);

  /** Checks that the tasks of each execution wrote nothing after its end. */
  async function expectNothingAfterTheEnd(ended: readonly ExecutionResource[], file: string): Promise<void> {
    for (const [n, execution] of ended.entries()) {
      const written = await readFile(`${file}.${n}`, 'utf8').catch(() => '');
      const modified = written === '' ? 0 : (await stat(`${file}.${n}`)).mtimeMs;
      expect(modified).toBeLessThanOrEqual(Date.parse(execution.finishedAt ?? '') + 1);
    }
  }

  it('a sync cancel on one replica hears of what the other applied', async () => {
    for (const [here, there] of [
      [flux.rest, replica.rest],
      [replica.rest, flux.rest],
    ] as const) {
      const execution = await here.start('tidy', {});
      await there.reach(execution, 'RUNNING');
      const ended = await there.cancelled(execution);
      expect(await here.status('tidy', execution.executionId)).toEqual(ended);
    }
  });
});

describe('a worker that dies', () => {
  it('SIGKILLed: what it ran goes on elsewhere, finished tasks do not run again', async () => {
    const doomed = await flux.startWorker('doomed');
    const file = temporaryFile('killed');
    const batch = await Promise.all(
      Array.from({ length: 9 }, (_, n) =>
        flux.rest.start('steps', { file: `${file}.${n}`, count: 5, pauseMs: 300 }),
      ),
    );
    const owned = await Promise.all(
      batch.map((one) => flux.rest.until(one, ({ workerId }) => workerId !== null)),
    );
    const orphans = owned.filter(({ workerId }) => workerId?.startsWith('doomed@'));
    expect(orphans.length).toBeGreaterThan(0);
    await doomed.kill();
    for (const [n, one] of batch.entries()) {
      const ended = await reach(one, 'COMPLETED');
      const lines = linesOf(`${file}.${n}`);
      expect(new Set(lines).size).toBe(5);
      expect(lines.length).toBeLessThanOrEqual(6);
      await expectLegal(ended);
    }
    const workers = await flux.rest.workers();
    expect(workers.find(({ name }) => name === 'doomed')?.state).toBe('lost');
  }, 60_000);

  it('SIGKILLed during a cancel: the cleanup runs elsewhere and CANCELLED is reached', async () => {
    const file = temporaryFile('orphan');
    const doomed = await flux.startWorker('doomed-too');
    const owned = await Promise.all(Array.from({ length: 9 }, () => flux.rest.started('tidy', { file })));
    const orphans = owned.filter(({ workerId }) => workerId?.startsWith('doomed-too@'));
    expect(orphans.length).toBeGreaterThan(0);
    await doomed.kill();
    await expectCancelled(owned);
    const lines = linesOf(file);
    for (const { executionId } of orphans) {
      expect(lines.filter((line) => line === `cleanup-ends ${executionId}`)).toHaveLength(1);
    }
  }, 60_000);
});

describe('an execution that leaves a timer open in a shared runner', () => {
  it('is told of over REST, in the metrics and by the command line', async () => {
    await reach(await flux.rest.start('leaves_a_timer', null), 'COMPLETED');
    const workflow = () => flux.rest.request('GET', '/workflows/leaves_a_timer');
    const { body } = await until('the strays', async () => {
      const answer = await workflow();
      return (answer.body as WorkflowResource).strays.length > 0 && answer;
    });
    expect(body).toMatchObject({ strays: [{ kind: 'timer', executions: 1 }] });
    const metrics = String((await flux.rest.request('GET', '/metrics')).body);
    expect(metrics).toContain('flux_stray_executions{workflow="leaves_a_timer",kind="timer"} 1\n');
    const { stdout } = await flux.cli('workflow', 'show', 'leaves_a_timer');
    expect(stdout).toMatch(/left open +timers by 1 execution$/m);
  }, 60_000);
});
