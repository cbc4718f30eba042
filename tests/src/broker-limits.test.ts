import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { healthResource, type ExecutionResource } from '@flux/contracts';
import { startOwnRabbit, TcpProxy, until, type FluxProcess } from '@flux/testing';
import { deploy, type Deployment } from './support/deployment.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';

/** The default of RabbitMQ 4. */
const SETTINGS = ['max_message_size = 16777216'];
const LEASE_MS = 6_000;
const PATIENCE_MS = 60_000;

let broker: Awaited<ReturnType<typeof startOwnRabbit>>;
let flux: Deployment;
let worker: FluxProcess;

beforeAll(async () => {
  broker = await startOwnRabbit(SETTINGS);
  const env = {
    FLUX_AMQP_URL: broker.amqpUrl,
    FLUX_LEASE: `${LEASE_MS}ms`,
    FLUX_HEARTBEAT: '1s',
    FLUX_WORKER_DRAIN: '1s',
    FLUX_MAX_INPUT: `${32 * 1024 ** 2}`,
    FLUX_WORKER_CONCURRENCY: '50',
  };
  flux = await deploy([], env);
  worker = await flux.startWorker('worker-a');
}, 120_000);

afterAll(async () => {
  await flux?.close();
  await broker?.stop();
}, 60_000);

/** Resolves once they are COMPLETED, each at its first attempt; with their outputs. */
async function outputsOf(executions: readonly ExecutionResource[]): Promise<unknown[]> {
  const ended = await Promise.all(executions.map((each) => flux.rest.reach(each, 'COMPLETED', PATIENCE_MS)));
  expect(ended.map(({ attempt }) => attempt)).toEqual(ended.map(() => 1));
  return ended.map(({ output }) => output);
}

/** The lines of such a file; each must be there once. */
function onceOf(file: string, count: number): void {
  const lines = linesOf(file);
  expect(new Set(lines).size).toBe(count);
  expect(lines).toHaveLength(count);
}

const brokerState = async (): Promise<string | undefined> => {
  const { body } = await flux.rest.request('GET', '/health/ready');
  return healthResource.parse(body).checks['broker'];
};

/** A worker that gets no time on a busy machine is taken for lost, alarm or not: then all is played again. */
const ROUNDS = 3;

/** Plays until the worker was never without word from the broker meanwhile, which it tells itself; a few times at most. */
async function played(play: () => Promise<void>): Promise<void> {
  for (let round = 1; ; round += 1) {
    const [owner, told] = [worker, worker.stdout.length];
    try {
      return await play();
    } catch (error) {
      const since = worker.stdout.slice(owner === worker ? told : 0);
      if (round === ROUNDS || !since.includes('everything here is stopped')) throw error;
    }
  }
}

describe('a broker whose memory is full', () => {
  const play = async (): Promise<ExecutionResource[]> => {
    const { rest } = flux;
    const running = await Promise.all(
      [1, 2].map(() => rest.started('tidy', { file: temporaryFile('alarm'), cleanupMs: 1_500 })),
    );
    const [first = fail()] = running;
    await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1');
    try {
      await until('the alarm to be told', async () => (await brokerState()) === 'blocked', 20_000, 50);
      const { body } = await rest.request('GET', '/metrics');
      expect(body).toContain('flux_broker_state{state="blocked"} 1');
      const answer = await rest.cancel(first, '', { gracePeriod: '5s' });
      expect(answer).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
      const started = await rest.start('one_task', {});
      await wait(LEASE_MS + 2_000);
      expect((await rest.status(started.workflowName, started.executionId)).state).toBe('SCHEDULED');
    } finally {
      await broker.ctl('set_vm_memory_high_watermark', '0.8');
    }
    await until('the end of the alarm to be told', async () => (await brokerState()) === 'up', 20_000, 50);
    await rest.reach(first, 'CANCELLED');
    return Promise.all(running.map((one) => rest.status(one.workflowName, one.executionId)));
  };

  it('is told of, nothing that is owned stops, and a cancel is heard after it with its grace period, though that is shorter', async () => {
    for (let round = 1; ; round += 1) {
      const [cancelled = fail(), untouched = fail()] = await play();
      const isOwned = cancelled.attempt === 1 && untouched.attempt === 1;
      if (isOwned || round === ROUNDS) {
        expect(cancelled).toMatchObject({ attempt: 1, cancellation: { cleanup: 'succeeded' } });
        expect(untouched).toMatchObject({ state: 'RUNNING', attempt: 1 });
        await flux.rest.expectCancelled([untouched]);
        return;
      }
      await flux.rest.expectCancelled([untouched]);
    }
  }, 300_000);
});

describe('values that are larger than a message may be', () => {
  const MB = 900_000;

  it(
    'come as results of one map, each once, and again in a replay, with the value of a resume (elsewhere: results of one map go into one message)',
    () =>
      played(async () => {
        const { rest } = flux;
        const file = temporaryFile('map');
        const [plain, paused] = await Promise.all([
          rest.start('large_map', { count: 20, bytes: MB, file, plain: true }),
          rest.start('large_map', { count: 3, bytes: 2 * MB, file: `${file}.paused`, pauses: true }),
        ]);
        await rest.reach(paused, 'PAUSED', PATIENCE_MS);
        const path = `/workflows/large_map/executions/${paused.executionId}/resume`;
        const { status } = await rest.request('POST', path, { body: { input: 'x'.repeat(3 * MB) } });
        expect(status).toBe(200);
        expect(await outputsOf([plain])).toEqual([{ length: 20 * MB }]);
        const resumed = await rest.reach(paused, 'COMPLETED', PATIENCE_MS);
        expect(resumed).toMatchObject({ attempt: 2, output: { length: 9 * MB } });
        onceOf(file, 20);
        onceOf(`${file}.paused`, 3);
      }),
    300_000,
  );

  it(
    'go to children and come from them, and may have more bytes than the broker takes at once',
    () =>
      played(async () => {
        const file = temporaryFile('children');
        const parent = await flux.rest.start('large_parent', { bytes: MB, file });
        const whole = await flux.rest.start('large_input', { text: 'y'.repeat(19 * MB), file });
        expect((await flux.rest.reach(parent, 'COMPLETED', PATIENCE_MS)).output).toEqual({
          lengths: [MB, MB, MB],
        });
        expect(await outputsOf([whole])).toEqual([19 * MB]);
      }),
    300_000,
  );

  describe('behind a slow link', () => {
    let proxy: TcpProxy;
    let url: string;
    beforeAll(async () => {
      proxy = new TcpProxy(broker.amqpUrl, 8_000_000);
      url = await proxy.start();
    });
    afterAll(async () => {
      await worker.kill();
      await proxy.stop();
    }, 60_000);

    it(
      'are taken by a worker however many wait (elsewhere: a claim’s answer is larger than a message may be)',
      () =>
        played(async () => {
          await worker.kill();
          const file = temporaryFile('inputs');
          const waiting = await Promise.all(
            Array.from({ length: 20 }, (_, index) =>
              flux.rest.start('large_input', { text: `${index}`.padEnd(MB + index, 'z'), file }),
            ),
          );
          worker = await flux.startWorker('worker-slow', { FLUX_AMQP_URL: url });
          expect(await outputsOf(waiting)).toEqual(waiting.map((_, index) => MB + index));
          onceOf(file, 20);
        }),
      300_000,
    );

    it(
      'do not hold the cleanup of their own cancel up',
      () =>
        played(async () => {
          const made = temporaryFile('interrupted');
          const map = await flux.rest.start('interrupted_map', { count: 100, bytes: MB, file: made });
          await until('results on their way', () => linesOf(made).length > 50, PATIENCE_MS, 10);
          await flux.rest.cancel(map);
          const ended = await flux.rest.expectLegal(await flux.rest.reach(map, 'CANCELLED', PATIENCE_MS));
          expect(ended).toMatchObject({ attempt: 1, cancellation: { cleanup: 'succeeded', forced: false } });
        }),
      300_000,
    );

    it(
      'keep neither neighbours nor a cancel waiting, and their worker counts as working (elsewhere: a slow link makes a working worker dead)',
      () =>
        played(async () => {
          const { rest, sandbox } = flux;
          const made = temporaryFile('made');
          await MachinePace.beside(sandbox.databaseUrl, async (pace) => {
            const cancelled = await rest.started('tidy', {});
            const neighbour = await rest.started('stepper', { steps: 40 });
            const map = await rest.start('large_map', { count: 20, bytes: MB, file: made });
            await until('results on their way', () => linesOf(made).length === 20, PATIENCE_MS, 10);
            const from = Date.now();
            await rest.cancel(cancelled);
            const { cancellation } = await rest.reach(cancelled, 'CANCELLED', PATIENCE_MS);
            const deliveredAt = Date.parse(cancellation?.deliveredAt ?? '');
            const [summed, stepped] = await outputsOf([map, neighbour]);
            const late = pace.lateMs(from, Date.now());
            expect(summed).toEqual({ length: 20 * MB });
            onceOf(made, 20);
            expect(deliveredAt - Date.parse(cancellation?.requestedAt ?? '')).toBeLessThan(300 + late);
            expect((stepped as { longest: number }).longest).toBeLessThan(1_000 + late);
          });
        }),
      300_000,
    );
  });
});

function fail(): never {
  throw new Error('two executions expected');
}
