import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { familyMiB, startOwnRabbit, TcpProxy, until } from '@flux/testing';
import type { ExecutionResource } from '@flux/contracts';
import { TEST_WORKFLOWS } from '../support/deployment.js';
import { idsOf, Lab } from './lab.js';
import { count, time, type Figure, type Proof, type Scale } from './proof.js';

/** The default of RabbitMQ 4. */
const BROKER = ['max_message_size = 16777216'];
const SLOW = 8_000_000;
const RESULT_BYTES = 900 * 1024;
const LIMIT_MS = 600_000;

/** The lines that tasks have left in such a file by now. */
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

/** The lines beyond the first of each kind, and those that are missing of `wanted`. */
function notOnce(lines: readonly string[], wanted: number): number {
  const kinds = new Set(lines).size;
  return lines.length - kinds + Math.abs(wanted - kinds);
}

const LOOK_EVERY_MS = 200;

/** The most memory that a process has had; MB. */
function mostMemory(pid: number): number {
  const [, kilobytes = 'NaN'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round((Number(kilobytes) * 1024) / 1e6);
}

/**
 * Watches the memory of a process and its descendants, where a page that several of them have counts once.
 * @returns ends that; resolves with the most there was, MB
 */
function watchMemory(pid: number): () => Promise<number> {
  const over = new AbortController();
  let most = 0;
  const watching = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      most = Math.max(most, (await familyMiB(pid)).taken);
      await wait(LOOK_EVERY_MS);
    }
  })();
  return async () => {
    over.abort();
    await watching;
    return Math.round((most * 1024 ** 2) / 1e6);
  };
}

function restarted(lab: Lab, executions: readonly ExecutionResource[]): Promise<number> {
  const from = "executions WHERE id = ANY($1::uuid[]) AND (attempt <> 1 OR state <> 'COMPLETED')";
  return lab.rows(from, [idsOf(executions)]);
}

/** Results of one map on their way through a slow link, a neighbour that steps on, and a cancel. */
async function slowLink(scale: Scale, lab: Lab, url: string, folder: string): Promise<Figure[]> {
  const proxy = new TcpProxy(url, SLOW);
  const worker = await lab.startWorker('slow', { FLUX_AMQP_URL: await proxy.start() });
  const results = scale.pick(20, 200);
  const file = join(folder, 'results');
  const { rest } = lab;
  const cancelled = await rest.started('tidy', {});
  const map = await rest.start('large_map', { count: results, bytes: RESULT_BYTES, file });
  const neighbour = await rest.start('stepper', { steps: scale.pick(40, 500) });
  await until('results on their way', () => linesOf(file).length === results, LIMIT_MS, 10);
  await rest.cancel(cancelled);
  await rest.end(map, LIMIT_MS);
  const { output } = await rest.end(neighbour, LIMIT_MS);
  const { cancellation } = await rest.end(cancelled, LIMIT_MS);
  const deliveredAfter =
    Date.parse(cancellation?.deliveredAt ?? '') - Date.parse(cancellation?.requestedAt ?? '');
  const again = await restarted(lab, [map, neighbour]);
  await worker.stop();
  await proxy.stop();
  return [
    count(`tasks not run once, ${results} results of 900 KiB at 8 MB/s`, notOnce(linesOf(file), results)),
    count('executions not COMPLETED at their first attempt', again),
    time('a step of the neighbour was late by', [(output as { longest: number }).longest], 1_000),
    time('the cancel was delivered after', [deliveredAfter], 300),
  ];
}

/** Executions with a large input and larger results, a few at a time. */
async function largeLives(scale: Scale, lab: Lab, folder: string): Promise<Figure[]> {
  const [size, results, bytes] = [scale.pick(4, 100), 10, 1_000_000];
  const worker = await lab.startWorker('lives', { FLUX_WORKER_CONCURRENCY: '4' });
  const mostOfWorker = watchMemory(worker.pid);
  const executions: ExecutionResource[] = [];
  for (let index = 0; index < size; index += 1) {
    const file = join(folder, `life-${index}`);
    const text = `${index}`.padEnd(bytes, 'x');
    executions.push(await lab.rest.start('large_life', { text, count: results, bytes, file }));
  }
  const left = await lab.stuck(executions, LIMIT_MS);
  const lines = executions.map((_, index) => notOnce(linesOf(join(folder, `life-${index}`)), results));
  const again = await restarted(lab, executions);
  const [api, ofWorker] = [mostMemory(lab.flux.server.pid), await mostOfWorker()];
  await worker.stop();
  return [
    count(
      `tasks not run once, ${size} executions of 1 MB and 10 MB`,
      lines.reduce((a, b) => a + b),
    ),
    count('executions not COMPLETED at their first attempt', again + left),
    { says: 'memory of the api', value: api, bound: 300, unit: 'MB' },
    { says: 'memory of the worker, in all its processes', value: ofWorker, bound: 400, unit: 'MB' },
  ];
}

/** How much longer four times as many inputs take than four times as long. */
async function linearMap(scale: Scale, lab: Lab): Promise<Figure[]> {
  const worker = await lab.startWorker('maps');
  const some = scale.pick(1_000, 10_000);
  const took = async (size: number): Promise<number> => {
    const { output } = await lab.rest.end(await lab.rest.start('small_map', { count: size }), LIMIT_MS);
    return (output as { took: number }).took;
  };
  await took(some);
  const [one, four] = [await took(some), await took(4 * some)];
  const measured = await lab.rest.end(
    await lab.rest.start('small_map', { count: 4 * some, measured: true }),
    LIMIT_MS,
  );
  const heap = Math.round((measured.output as { bytes: number }).bytes);
  await worker.stop();
  scale.log(`a map over ${some} inputs took ${Math.round(one)} ms, over ${4 * some} ${Math.round(four)} ms`);
  const value = Math.round((100 * four) / (4 * one));
  return [
    { says: `a map over ${4 * some} inputs, of 4 times ${some}`, value, bound: 130, unit: '%' },
    { says: 'heap for each of its tasks, all of them begun', value: heap, bound: 1_024, unit: 'bytes' },
  ];
}

async function play(scale: Scale): Promise<Figure[]> {
  const broker = await startOwnRabbit(BROKER);
  const folder = mkdtempSync(join(tmpdir(), 'flux-sizes-'));
  try {
    const env = { FLUX_AMQP_URL: broker.amqpUrl, FLUX_MAX_INPUT: '2 MiB' };
    return await Lab.with({ workers: [], env, workflows: TEST_WORKFLOWS }, async (lab) => {
      // The workflows are known from here on, before the workers that are looked at.
      await (await lab.startWorker('first')).stop();
      return [
        ...(await largeLives(scale, lab, folder)),
        ...(await slowLink(scale, lab, broker.amqpUrl, folder)),
        ...(await linearMap(scale, lab)),
      ];
    });
  } finally {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const sizesDecideNothing: Proof = { number: 13, promise: 'Sizes decide nothing', play };
