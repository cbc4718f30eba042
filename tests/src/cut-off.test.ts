import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ExecutionResource, type WorkerResource } from '@flux/contracts';
import { type FluxProcess, TcpProxy, until } from '@flux/testing';
import { historyFaults } from './support/history.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { useDeployment } from './support/use-deployment.js';

const LEASE_MS = 4_000;

const flux = useDeployment([], { FLUX_LEASE: `${LEASE_MS}ms`, FLUX_HEARTBEAT: '1s' });
const { expectLegal, reach } = flux.rest;
let proxy: TcpProxy;
/** A worker that reaches the broker through the proxy. */
let remote: FluxProcess;

beforeAll(async () => {
  proxy = new TcpProxy(flux.sandbox.amqpUrl);
  const env = { FLUX_AMQP_URL: await proxy.start(), FLUX_WORKER_RUNNERS: '3' };
  // The worker has a runner for each execution it runs at a time: one of them never lets go of its own.
  remote = await flux.startWorker('remote', env);
}, 60_000);

afterAll(() => proxy.stop());

const untilState = (name: string, wanted: WorkerResource['state']): Promise<true> =>
  until(`'${name}' to be ${wanted}`, async () =>
    (await flux.rest.workers()).some((worker) => worker.name === name && worker.state === wanted),
  );

interface Stamp {
  readonly executionId: string;
  readonly attempt: number;
  readonly at: number;
}

const stampsOf = (file: string): Stamp[] =>
  linesOf(file)
    .map((line) => line.split(' '))
    .map(([executionId = '', attempt, at]) => ({ executionId, attempt: Number(attempt), at: Number(at) }));

/** Starts an execution of each workflow and resolves once their code runs. */
async function startAll(
  workflowNames: readonly string[],
  input: Readonly<Record<string, unknown>> & { file: string },
): Promise<ExecutionResource[]> {
  const executions = await Promise.all(workflowNames.map((name) => flux.rest.start(name, input)));
  const begun = (): number => new Set(stampsOf(input.file).map(({ executionId }) => executionId)).size;
  await until('the begin of all', () => begun() === executions.length);
  return executions;
}

/** No other worker is there, and nobody shall wait for one: the executions are over as soon as they may be. */
const cancelAll = (executions: readonly ExecutionResource[]): Promise<ExecutionResource[]> =>
  Promise.all(executions.map((one) => flux.rest.cancelled(one, { force: true })));

async function expectNothingAfterTheEnd(ended: readonly ExecutionResource[], file: string): Promise<void> {
  for (const execution of ended) {
    const own = stampsOf(file).filter(({ executionId }) => executionId === execution.executionId);
    expect(own.length).toBeGreaterThan(0);
    const last = Math.max(...own.map(({ at }) => at));
    expect(last).toBeLessThanOrEqual(Date.parse(execution.cancellation?.finalizedAt ?? ''));
    await expectLegal(execution);
  }
}

describe('a worker that is cut off but alive', () => {
  it('does nothing after CANCELLED, not in deaf and busy tasks either (elsewhere: connection loss, the un-ackable task goes on)', async () => {
    const file = temporaryFile('cut-off');
    const executions = await startAll(['stamps_deaf', 'stamps_busy', 'stamps_steps'], { file, count: 1e6 });
    await proxy.stop();
    const cutAt = Date.now();
    const pace = await MachinePace.begin(flux.sandbox.databaseUrl);
    const ended = await cancelAll(executions).finally(() => pace.close());
    for (const { cancellation } of ended) {
      expect(cancellation?.cleanup).toBe('not_run');
      // The lease had no part in it.
      expect(pace.fairMs(cutAt, Date.parse(cancellation?.finalizedAt ?? ''))).toBeLessThan(LEASE_MS);
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
    const ended = await reach(execution, 'COMPLETED');
    expect(ended.attempt).toBeGreaterThan(1);
    const stamps = stampsOf(file);
    // A task whose result was on its way to the record when the link broke may be done again: one an attempt.
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
    expect((await flux.rest.started('one_task', {}, 'COMPLETED')).workerId).toMatch(/^remote@/);
  }, 90_000);

  it('frozen: what it ran goes on elsewhere within its lease, and finished tasks do not run again', async () => {
    const file = temporaryFile('taken-over');
    const count = 200;
    // The broker misses a worker in less than its lease, as by default.
    const broker = new URL(flux.sandbox.amqpUrl);
    broker.searchParams.set('heartbeat', '1');
    const frozen = await flux.startWorker('frozen', { FLUX_AMQP_URL: broker.href });
    const pace = await MachinePace.begin(flux.sandbox.databaseUrl);
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
        const ended = await reach(orphan, 'COMPLETED');
        expect(ended).toMatchObject({ attempt: 2, workerId: expect.stringMatching(/^remote@/) });
        const history = await flux.rest.history(ended);
        const again = history.find(({ type, attempt }) => type === 'execution_started' && attempt === 2);
        // The lease is its bound, and 2 s more are for the claim.
        expect(pace.fairMs(frozenAt, Date.parse(again?.at ?? ''))).toBeLessThan(LEASE_MS + 2_000);
        expect(historyFaults(ended, history)).toEqual([]);
        const stamps = stampsOf(file).filter(({ executionId }) => executionId === orphan.executionId);
        expect(stamps.length).toBeGreaterThanOrEqual(count);
        // The task in flight was told of before it was recorded.
        expect(stamps.length).toBeLessThanOrEqual(count + 1);
      }
    } finally {
      await Promise.all([frozen.kill(), pace.close()]);
    }
  }, 90_000);

  it('frozen, and not missed by the broker: the cleanup runs on another one when its lease is over (elsewhere: a paused or unhealthy worker gets no cancels)', async () => {
    const deaf = await flux.startWorker('unmissed');
    const file = temporaryFile('unmissed');
    const owned = await Promise.all(Array.from({ length: 8 }, () => flux.rest.started('tidy', { file })));
    const orphans = owned.filter(({ workerId }) => workerId?.startsWith('unmissed@'));
    expect(orphans.length).toBeGreaterThan(0);
    const pace = await MachinePace.begin(flux.sandbox.databaseUrl);
    process.kill(deaf.pid, 'SIGSTOP');
    const cancelledAt = Date.now();
    try {
      const ended = await Promise.all(orphans.map((one) => flux.rest.cancelled(one, { gracePeriod: '20s' })));
      // The broker hands the frozen worker half of them once more. They are offered to the other worker too, so no
      // execution waits.
      expect(pace.fairMs(cancelledAt, Date.now())).toBeLessThan(LEASE_MS + 5_000);
      for (const { cancellation } of ended) expect(cancellation?.cleanup).toBe('succeeded');
    } finally {
      await Promise.all([deaf.kill(), pace.close()]);
    }
    await Promise.all(owned.map((one) => flux.rest.cancel(one, '?mode=sync&timeout=30s')));
  }, 90_000);
});
