import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

const LOSS_LIMIT = 5;
/** For starting so many runners one after the other on a busy machine. */
const LOSSES_MS = 100_000;

let flux: Deployment;
let worker: FluxProcess;

beforeAll(async () => {
  flux = await deploy([], { FLUX_LEASE: '4s', FLUX_HEARTBEAT: '1s' });
  worker = await flux.startWorker('parent');
}, 60_000);

afterAll(() => flux.close(), 60_000);

const lines = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1);

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves with how long that took, in milliseconds. */
async function untilDead(pids: readonly number[], limitMs: number): Promise<number> {
  const from = performance.now();
  for (; pids.some(isAlive); await wait(10)) {
    if (performance.now() - from > limitMs) throw new Error(`still alive: ${pids.filter(isAlive).join()}`);
  }
  return performance.now() - from;
}

async function startFamily(): Promise<{ execution: ExecutionResource; pids: number[] }> {
  const file = temporaryFile('family');
  const execution = await flux.rest.start('busy_family', { file });
  for (const limit = Date.now() + 30_000; (await lines(file)).length < 2; await wait(50)) {
    if (Date.now() > limit) throw new Error('the processes do not start');
  }
  const pids = (await lines(file)).map(Number);
  expect(pids.filter(isAlive)).toHaveLength(2);
  return { execution, pids };
}

describe('a workflow in a process of its own', () => {
  it('cancel works only inside the process that runs the job: one over REST ends it and what it started', async () => {
    const { execution, pids } = await startFamily();
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '300ms' });
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    const ended = answer.body as ExecutionResource;
    expect(ended.cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  }, 60_000);

  it('that ends its process again and again fails after five times, and is not run without end', async () => {
    const file = temporaryFile('aborting');
    const execution = await flux.rest.start('aborting', { file });
    const ended = await flux.rest.until(execution, ({ state }) => state === 'FAILED', LOSSES_MS);
    expect(ended.error).toMatchObject({ code: 'RUNNER_LOST' });
    // The first one had come a step further when it ended.
    expect(await lines(file)).toEqual(Array.from({ length: LOSS_LIMIT }, (_, n) => String(n + 1)));
    expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  }, 120_000);

  it('does not outlive its worker: frozen, it is gone with the lease; killed, at once', async () => {
    const frozen = await startFamily();
    process.kill(worker.pid, 'SIGSTOP');
    await untilDead(frozen.pids, 6_000);
    process.kill(worker.pid, 'SIGCONT');
    await flux.rest.until(frozen.execution, ({ attempt }) => attempt === 2);
    await flux.rest.cancel(frozen.execution, '?mode=sync', { force: true });
    const { execution, pids } = await startFamily();
    await worker.kill();
    expect(await untilDead(pids, 5_000)).toBeLessThan(2_000);
    await flux.rest.cancel(execution, '?mode=sync', { force: true });
    worker = await flux.startWorker('parent');
  }, 90_000);
});

describe('a workflow that ends its shared runner again and again', () => {
  it('fails after five times, alone from the second time on; its neighbours come to their end', async () => {
    const file = temporaryFile('greedy');
    const steps = temporaryFile('neighbour');
    const neighbours = await Promise.all(
      [0, 1, 2].map((n) => flux.rest.start('steps', { file: `${steps}.${n}`, count: 20, pauseMs: 100 })),
    );
    const execution = await flux.rest.start('greedy', { file });
    const ended = await flux.rest.until(execution, ({ state }) => state === 'FAILED', LOSSES_MS);
    expect(ended.error).toMatchObject({ code: 'RUNNER_LOST' });
    expect(await lines(file)).toHaveLength(LOSS_LIMIT);
    for (const neighbour of neighbours) {
      const { attempt } = await flux.rest.until(neighbour, ({ state }) => state === 'COMPLETED');
      expect(attempt).toBeLessThanOrEqual(2);
    }
  }, 120_000);
});
