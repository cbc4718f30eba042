import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { cpuSeconds } from '@flux/testing';
import { builtWorkflows } from './support/deployment.js';
import { useDeployment } from './support/use-deployment.js';

const TASKS = 100;
const AT_ONCE = 50;
const ROUNDS = 3;
const FLOOR_SAMPLES = 100;

const flux = useDeployment(['only'], {}, { workflows: builtWorkflows('replay-workflows') });
let connection: ChannelModel;
let channel: ConfirmChannel;
let queue: string;

beforeAll(async () => {
  connection = await connect(flux.sandbox.amqpUrl, { noDelay: true });
  channel = await connection.createConfirmChannel();
  queue = `${flux.sandbox.namespace}.floor`;
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
}, 60_000);

afterAll(() => connection.close());

const median = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? NaN;

/** Milliseconds of bare publishes to a quorum queue, each confirmed before the next: the least that is as durable. */
async function floor(): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < FLOOR_SAMPLES) {
    const from = performance.now();
    channel.sendToQueue(queue, Buffer.alloc(300), { persistent: true });
    await channel.waitForConfirms();
    samples.push(performance.now() - from);
  }
  await channel.purgeQueue(queue);
  return samples;
}

/**
 * Runs `executions` workflows of 100 no-op tasks at once; milliseconds from the first claim to the last end, by task.
 */
async function run(executions: number): Promise<number> {
  const started = await Promise.all(Array.from({ length: executions }, () => flux.rest.start('long', TASKS)));
  for (const one of started) {
    await flux.rest.reach(one, 'COMPLETED');
  }
  const [times] = await flux.sandbox.query<{ ms: number }>(
    `SELECT (extract(epoch FROM max(finished_at) - min(started_at)) * 1000)::float8 AS ms
      FROM executions WHERE id = ANY($1::uuid[])`,
    [started.map(({ executionId }) => executionId)],
  );
  return (times?.ms ?? NaN) / (executions * TASKS);
}

describe('a task that does nothing', () => {
  // Everything else that the machine does slows the broker and Flux alike, so ratios are held. A bare publish takes
  // about 0.65 ms on a quiet machine of 2 CPUs: 4 ms a task are six, 2,500 tasks a second 0.6. Twice that is left to
  // a machine that is not quiet, where more processes wait for their turn than a bare publish has. `pnpm bench tasks`
  // has the figures.
  it('takes a few bare publishes one after the other, and about one with 50 workflows at once', async () => {
    await run(AT_ONCE);
    const [bare, alone, atOnce]: [number[], number[], number[]] = [[], [], []];
    const cpu = async (): Promise<number> =>
      (await cpuSeconds(flux.server.pid)) + (await cpuSeconds(flux.worker.pid));
    let spent = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      bare.push(...(await floor()));
      alone.push(await run(1));
      bare.push(...(await floor()));
      const before = await cpu();
      atOnce.push(await run(AT_ONCE));
      spent += (await cpu()) - before;
    }
    expect(median(alone) / median(bare)).toBeLessThan(12);
    expect(median(atOnce) / median(bare)).toBeLessThan(1.2);
    // Each task has 0.8 ms of 2 CPUs at 2,500 tasks a second, the servers' share included.
    expect((1000 * spent) / (ROUNDS * AT_ONCE * TASKS)).toBeLessThan(0.8);
  }, 120_000);
});
