import { describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { isAlive, until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { useDeployment } from './support/use-deployment.js';

const LOSS_LIMIT = 5;
/** The time that five runners, started one after the other, may take on a busy machine. */
const LOSSES_MS = 100_000;

const flux = useDeployment(['parent'], {
  FLUX_LEASE: '4s',
  FLUX_HEARTBEAT: '1s',
  FLUX_WORKER_RUNNER_MEMORY: '96 MiB',
});
const { cancelled, expectLegal, reach } = flux.rest;

/** Resolves with how long they lived after the blow on a machine with time for it, in milliseconds. */
function untilDead(pids: readonly number[], strike: () => unknown): Promise<number> {
  return MachinePace.beside(flux.sandbox.databaseUrl, async (pace) => {
    const from = Date.now();
    await strike();
    await until('the end of all processes', () => !pids.some(isAlive), 30_000, 10);
    return pace.fairMs(from, Date.now());
  });
}

async function startFamily(): Promise<{ execution: ExecutionResource; pids: number[] }> {
  const file = temporaryFile('family');
  const execution = await flux.rest.start('busy_family', { file });
  await until('two processes', () => linesOf(file).length >= 2);
  const pids = linesOf(file).map(Number);
  expect(pids.filter(isAlive)).toHaveLength(2);
  return { execution, pids };
}

describe('a workflow in a process of its own', () => {
  it('ends on a cancel over REST, with what it has started (elsewhere: cancel works only inside the process that runs the job)', async () => {
    const { execution, pids } = await startFamily();
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '300ms' });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    const { cancellation } = await expectLegal(answer.body as ExecutionResource);
    expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
  }, 60_000);

  it('that ends its process again and again fails after five times, and is not run without end', async () => {
    const file = temporaryFile('aborting');
    const execution = await flux.rest.start('aborting', { file });
    const ended = await reach(execution, 'FAILED', LOSSES_MS);
    expect(ended.error).toMatchObject({ code: 'RUNNER_LOST' });
    // The first one had come a step further when it ended.
    expect(linesOf(file)).toEqual(Array.from({ length: LOSS_LIMIT }, (_, n) => String(n + 1)));
    await expectLegal(ended);
  }, 120_000);

  it('does not outlive its worker: frozen, it is gone with the lease; killed, at once', async () => {
    const frozen = await startFamily();
    const freeze = (): unknown => process.kill(flux.worker.pid, 'SIGSTOP');
    expect(await untilDead(frozen.pids, freeze)).toBeLessThan(6_000);
    process.kill(flux.worker.pid, 'SIGCONT');
    await flux.rest.until(frozen.execution, ({ attempt }) => attempt === 2);
    await cancelled(frozen.execution, { force: true });
    const { execution, pids } = await startFamily();
    expect(await untilDead(pids, () => flux.worker.kill())).toBeLessThan(2_000);
    await flux.rest.cancel(execution, '?mode=sync', { force: true });
    await flux.startWorker('parent');
  }, 90_000);
});

describe('a workflow', () => {
  it('whose code crashes natively costs its neighbours an attempt, and no result; it fails after five times, alone from the second time on', async () => {
    const file = temporaryFile('crashing');
    const steps = temporaryFile('neighbour');
    const neighbours = await Promise.all(
      [0, 1, 2].map((n) => flux.rest.start('steps', { file: `${steps}.${n}`, count: 20, pauseMs: 100 })),
    );
    const execution = await flux.rest.start('crashing', { file });
    const ended = await reach(execution, 'FAILED', LOSSES_MS);
    expect(ended.error).toMatchObject({
      code: 'RUNNER_LOST',
      message: expect.stringContaining('its process ended with SIGSEGV; in it: crashing'),
    });
    expect([LOSS_LIMIT, LOSS_LIMIT + 1]).toContain(linesOf(file).length);
    for (const [n, neighbour] of neighbours.entries()) {
      const { attempt } = await reach(neighbour, 'COMPLETED');
      expect(attempt).toBeLessThanOrEqual(2);
      expect(new Set(linesOf(`${steps}.${n}`)).size).toBe(20);
    }
    expect(flux.worker.isRunning).toBe(true);
    await expectLegal(ended);
  }, 120_000);
});

describe('a workflow that fills its memory', () => {
  it('fails the second time, and tells why; its neighbours come to their end', async () => {
    const file = temporaryFile('hungry');
    const steps = temporaryFile('beside');
    const neighbours = await Promise.all(
      [0, 1, 2].map((n) => flux.rest.start('steps', { file: `${steps}.${n}`, count: 20, pauseMs: 100 })),
    );
    const execution = await flux.rest.start('hungry', { file });
    const ended = await reach(execution, 'FAILED', LOSSES_MS);
    expect(ended.error).toMatchObject({
      code: 'RUNNER_LOST',
      message: expect.stringContaining('ERR_WORKER_OUT_OF_MEMORY'),
    });
    expect(linesOf(file)).toEqual(['1', '2']);
    const { stdout } = await flux.cli('workflow', 'status', 'hungry', execution.executionId, '--detailed');
    expect(stdout).toMatch(/handed back by parent@.*: ERR_WORKER_OUT_OF_MEMORY/);
    for (const neighbour of neighbours) await reach(neighbour, 'COMPLETED');
    expect(flux.worker.isRunning).toBe(true);
    await expectLegal(ended);
  }, 120_000);
});
