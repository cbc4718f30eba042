import { readFile, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isTerminal } from '@flux/domain';
import { workerPage, type ExecutionResource } from '@flux/contracts';
import { deploy, type Deployment, type Server } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

let flux: Deployment;
let replica: Server;

beforeAll(async () => {
  flux = await deploy(['worker-a', 'worker-b']);
  replica = await flux.startServer();
}, 60_000);

afterAll(() => flux.close(), 60_000);

describe('two api replicas and two workers', () => {
  it('200 executions cancelled at random moments all end as history says, on either replica', async () => {
    const sides = [flux.rest, replica.rest];
    const one = async (n: number): Promise<ExecutionResource> => {
      const [here, there] = n % 2 === 0 ? sides : [...sides].reverse();
      if (!here || !there) throw new Error('there are two replicas');
      // Short ones that a cancel may come too late for, and long ones that it cannot.
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
    const faults: string[] = [];
    for (const execution of ended) {
      faults.push(...historyFaults(execution, await replica.rest.history(execution)));
    }
    expect(faults).toEqual([]);
    const states = new Set(ended.map(({ state }) => state));
    expect([...states].every((state) => state === 'CANCELLED' || state === 'COMPLETED')).toBe(true);
    expect(states.has('CANCELLED')).toBe(true);
    await expectNothingAfterTheEnd(ended, file);
  }, 120_000);

  /** What the tasks themselves wrote is exactly what history recorded, and it stays so. */
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
      await there.until(execution, ({ state }) => state === 'RUNNING');
      const answer = await there.cancel(execution, '?mode=sync&timeout=10s');
      expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
      expect(await here.status('tidy', execution.executionId)).toEqual(answer.body);
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
      const ended = await flux.rest.until(one, ({ state }) => state === 'COMPLETED');
      const lines = (await readFile(`${file}.${n}`, 'utf8')).trim().split('\n');
      expect(new Set(lines).size).toBe(5);
      expect(lines.length).toBeLessThanOrEqual(6);
      expect(historyFaults(ended, await flux.rest.history(one))).toEqual([]);
    }
    const workers = workerPage.parse((await flux.rest.request('GET', '/workers')).body).items;
    expect(workers.find(({ name }) => name === 'doomed')?.state).toBe('lost');
  }, 60_000);

  it('SIGKILLed during a cancel: the cleanup runs elsewhere and CANCELLED is reached', async () => {
    const file = temporaryFile('orphan');
    const doomed = await flux.startWorker('doomed-too');
    const batch = await Promise.all(Array.from({ length: 9 }, () => flux.rest.start('tidy', { file })));
    const owned = await Promise.all(
      batch.map((one) => flux.rest.until(one, ({ state }) => state === 'RUNNING')),
    );
    const orphans = owned.filter(({ workerId }) => workerId?.startsWith('doomed-too@'));
    expect(orphans.length).toBeGreaterThan(0);
    await doomed.kill();
    const answers = await Promise.all(owned.map((one) => flux.rest.cancel(one, '?mode=sync&timeout=30s')));
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
      const ended = answer.body as ExecutionResource;
      expect(ended.cancellation?.cleanup).toBe('succeeded');
      expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
    }
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    for (const { executionId } of orphans) {
      expect(lines.filter((line) => line === `cleanup-ends ${executionId}`)).toHaveLength(1);
    }
  }, 60_000);
});
