import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { builtWorkflows, deploy, PATIENCE_MS, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';

const WORKFLOWS = builtWorkflows('replay-workflows');
const TASKS = 100;
const AT_ONCE = 50;
const ROUNDS = 3;
const FLOOR_SAMPLES = 100;

let flux: Deployment;
let worker: FluxProcess;
let connection: ChannelModel;
let channel: ConfirmChannel;
let queue: string;

beforeAll(async () => {
  flux = await deploy([], {}, { workflows: WORKFLOWS });
  worker = await flux.startWorker('only');
  connection = await connect(flux.sandbox.amqpUrl, { noDelay: true });
  channel = await connection.createConfirmChannel();
  queue = `${flux.sandbox.namespace}.floor`;
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
}, 60_000);

afterAll(async () => {
  await channel.deleteQueue(queue);
  await connection.close();
  await flux.close();
}, 60_000);

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

/** Runs so many workflows of 100 no-op tasks at once; milliseconds from the first claim to the last end, by task. */
async function run(executions: number): Promise<number> {
  const started = await Promise.all(Array.from({ length: executions }, () => flux.rest.start('long', TASKS)));
  for (const one of started) {
    await flux.rest.until(one, ({ state }) => state === 'COMPLETED', PATIENCE_MS);
  }
  const [times] = await flux.sandbox.query<{ ms: number }>(
    `SELECT (extract(epoch FROM max(finished_at) - min(started_at)) * 1000)::float8 AS ms
      FROM executions WHERE id = ANY($1::uuid[])`,
    [started.map(({ executionId }) => executionId)],
  );
  return (times?.ms ?? NaN) / (executions * TASKS);
}

/** CPU seconds of a process so far, its threads included. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The command's name comes second, in parentheses, and may itself hold spaces.
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

describe('a task that does nothing', () => {
  // What else the machine does slows the broker and Flux alike, so ratios are held. A bare publish takes about 0.65 ms on
  // a quiet machine of 2 CPUs: 4 ms a task are six, 2,500 tasks a second 0.6. Twice that is left to a machine that is
  // not quiet, where more processes wait for their turn than a bare publish has. `pnpm bench tasks` has the figures.
  it('takes a few bare publishes one after the other, and about one with 50 workflows at once', async () => {
    await run(AT_ONCE);
    const [bare, alone, atOnce]: [number[], number[], number[]] = [[], [], []];
    const cpu = async (): Promise<number> =>
      (await cpuSeconds(flux.server.pid)) + (await cpuSeconds(worker.pid));
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
    // At 2,500 tasks a second 2 CPUs have 0.8 ms for each, the servers' share included.
    expect((1000 * spent) / (ROUNDS * AT_ONCE * TASKS)).toBeLessThan(0.8);
  }, 120_000);
});
