import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { workerPage, type ExecutionResource, type WorkerResource } from '@flux/contracts';
import { TcpProxy } from '@flux/messaging/testing';
import { deploy, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

const LEASE_MS = 4_000;

let flux: Deployment;
let proxy: TcpProxy;
/** Reaches the broker through the proxy. */
let remote: FluxProcess;

beforeAll(async () => {
  flux = await deploy([], { FLUX_LEASE: `${LEASE_MS}ms`, FLUX_HEARTBEAT: '1s' });
  proxy = new TcpProxy(new URL(flux.sandbox.amqpUrl));
  const through = new URL(flux.sandbox.amqpUrl);
  through.port = String(await proxy.start());
  // A runner for each of those it runs at a time: one of them never lets go of its own.
  remote = await flux.startWorker('remote', { FLUX_AMQP_URL: through.href, FLUX_WORKER_RUNNERS: '3' });
}, 60_000);

afterAll(async () => {
  await flux.close();
  await proxy.stop();
}, 60_000);

const stateOf = async (name: string): Promise<WorkerResource['state'] | undefined> => {
  const { items } = workerPage.parse((await flux.rest.request('GET', '/workers')).body);
  return items.find((worker) => worker.name === name)?.state;
};

async function untilState(name: string, state: WorkerResource['state']): Promise<void> {
  for (const limit = Date.now() + 30_000; (await stateOf(name)) !== state; await wait(100)) {
    if (Date.now() > limit) throw new Error(`'${name}' is not ${state}`);
  }
}

interface Stamp {
  readonly executionId: string;
  readonly attempt: number;
  readonly at: number;
}

async function stampsOf(file: string): Promise<Stamp[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([executionId = '', attempt, at]) => ({ executionId, attempt: Number(attempt), at: Number(at) }));
}

/** Starts one of each and resolves once their own code runs. */
async function startAll(
  workflowNames: readonly string[],
  input: Readonly<Record<string, unknown>> & { file: string },
): Promise<ExecutionResource[]> {
  const executions = await Promise.all(workflowNames.map((name) => flux.rest.start(name, input)));
  const begun = async (): Promise<number> =>
    new Set((await stampsOf(input.file)).map(({ executionId }) => executionId)).size;
  for (const limit = Date.now() + 30_000; (await begun()) < executions.length; await wait(50)) {
    if (Date.now() > limit) throw new Error('the executions do not begin');
  }
  return executions;
}

const cancelAll = (executions: readonly ExecutionResource[]): Promise<ExecutionResource[]> =>
  Promise.all(
    executions.map(async (execution) => {
      // Nobody else is there: it is over as soon as it may be.
      const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=30s', { gracePeriod: '500ms' });
      expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
      return answer.body as ExecutionResource;
    }),
  );

async function expectNothingAfterTheEnd(ended: readonly ExecutionResource[], file: string): Promise<void> {
  for (const execution of ended) {
    const own = (await stampsOf(file)).filter(({ executionId }) => executionId === execution.executionId);
    expect(own.length).toBeGreaterThan(0);
    const last = Math.max(...own.map(({ at }) => at));
    expect(last).toBeLessThanOrEqual(Date.parse(execution.cancellation?.finalizedAt ?? ''));
    expect(historyFaults(execution, await flux.rest.history(execution))).toEqual([]);
  }
}

describe('a worker that is cut off but alive', () => {
  it('connection loss, the un-ackable task goes on: CANCELLED is proof, deaf and busy tasks included', async () => {
    const file = temporaryFile('cut-off');
    const executions = await startAll(['stamps_deaf', 'stamps_busy', 'stamps_steps'], { file, count: 1e6 });
    await proxy.stop();
    const cutAt = Date.now();
    const ended = await cancelAll(executions);
    for (const { cancellation } of ended) {
      expect(cancellation?.cleanup).toBe('not_run');
      // The lease had no part in it.
      expect(Date.parse(cancellation?.finalizedAt ?? '') - cutAt).toBeLessThan(LEASE_MS);
    }
    await expectNothingAfterTheEnd(ended, file);
    await proxy.start();
    await untilState('remote', 'running');
    await expectNothingAfterTheEnd(ended, file);
    expect(remote.isRunning).toBe(true);
  }, 90_000);

  it('goes on from the last checkpoint once the broker is back, finished tasks do not run again', async () => {
    const file = temporaryFile('outage');
    const count = 150;
    const [execution] = await startAll(['stamps_steps'], { file, count });
    if (!execution) throw new Error('nothing was started');
    await proxy.stop();
    await wait(1_500);
    await proxy.start();
    const ended = await flux.rest.until(execution, ({ state }) => state === 'COMPLETED');
    expect(ended.attempt).toBeGreaterThan(1);
    const stamps = await stampsOf(file);
    // What was recorded, or on its way to the record, when the link broke may be done again: one task an attempt.
    expect(stamps.length).toBeGreaterThanOrEqual(count);
    expect(stamps.length).toBeLessThanOrEqual(count + ended.attempt - 1);
  }, 60_000);

  it('frozen and woken after its lease begins no task any more', async () => {
    const file = temporaryFile('frozen');
    const executions = await startAll(['stamps_steps'], { file, count: 1e6 });
    process.kill(remote.pid, 'SIGSTOP');
    try {
      const ended = await cancelAll(executions);
      process.kill(remote.pid, 'SIGCONT');
      await untilState('remote', 'running');
      await expectNothingAfterTheEnd(ended, file);
    } finally {
      process.kill(remote.pid, 'SIGCONT');
    }
    const next = await flux.rest.start('one_task', {});
    expect((await flux.rest.until(next, ({ state }) => state === 'COMPLETED')).workerId).toMatch(/^remote@/);
  }, 90_000);

  it('frozen: what it ran goes on elsewhere within its lease, and finished tasks do not run again', async () => {
    const file = temporaryFile('taken-over');
    const count = 100;
    // As by default, the broker misses a worker in less than its lease.
    const broker = new URL(flux.sandbox.amqpUrl);
    broker.searchParams.set('heartbeat', '1');
    const frozen = await flux.startWorker('frozen', { FLUX_AMQP_URL: broker.href });
    const started = await startAll(Array<string>(4).fill('stamps_steps'), { file, count });
    const present = await Promise.all(
      started.map(({ workflowName, executionId }) => flux.rest.status(workflowName, executionId)),
    );
    const orphans = present.filter(({ workerId }) => workerId?.startsWith('frozen@'));
    expect(orphans.length).toBeGreaterThan(0);
    process.kill(frozen.pid, 'SIGSTOP');
    const frozenAt = Date.now();
    try {
      for (const orphan of orphans) {
        const ended = await flux.rest.until(orphan, ({ state }) => state === 'COMPLETED');
        expect(ended).toMatchObject({ attempt: 2, workerId: expect.stringMatching(/^remote@/) });
        const history = await flux.rest.history(ended);
        const again = history.find(({ type, attempt }) => type === 'execution_started' && attempt === 2);
        // The lease is its bound; a busy machine has 2 s more.
        expect(Date.parse(again?.at ?? '') - frozenAt).toBeLessThan(LEASE_MS + 2_000);
        expect(historyFaults(ended, history)).toEqual([]);
        const stamps = (await stampsOf(file)).filter(({ executionId }) => executionId === orphan.executionId);
        expect(stamps.length).toBeGreaterThanOrEqual(count);
        // The one in flight was told of before it was recorded.
        expect(stamps.length).toBeLessThanOrEqual(count + 1);
      }
    } finally {
      await frozen.kill();
    }
  }, 90_000);

  it('a paused or unhealthy worker gets no cancels: frozen, and not missed by the broker before its lease is over, its cleanup runs elsewhere', async () => {
    const deaf = await flux.startWorker('unmissed');
    const file = temporaryFile('unmissed');
    const started = await Promise.all(Array.from({ length: 8 }, () => flux.rest.start('tidy', { file })));
    const owned = await Promise.all(
      started.map((one) => flux.rest.until(one, ({ state }) => state === 'RUNNING')),
    );
    const orphans = owned.filter(({ workerId }) => workerId?.startsWith('unmissed@'));
    expect(orphans.length).toBeGreaterThan(0);
    process.kill(deaf.pid, 'SIGSTOP');
    const cancelledAt = Date.now();
    try {
      const answers = await Promise.all(
        orphans.map((one) => flux.rest.cancel(one, '?mode=sync&timeout=30s', { gracePeriod: '20s' })),
      );
      // The broker hands it half of them once more; they are offered to the other one too, so nobody waits for that.
      expect(Date.now() - cancelledAt).toBeLessThan(LEASE_MS + 5_000);
      for (const { body } of answers) {
        expect(body).toMatchObject({ state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } });
      }
    } finally {
      await deaf.kill();
    }
    await Promise.all(owned.map((one) => flux.rest.cancel(one, '?mode=sync&timeout=30s')));
  }, 90_000);
});
