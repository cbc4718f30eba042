import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { PATIENCE_MS, deploy, type Deployment } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy([]);
  // A worker makes the workflows known and leaves, so that what is started then stays SCHEDULED.
  const passing = await flux.startWorker('passing');
  await passing.stop();
}, 60_000);

afterAll(() => flux.close(), 60_000);

describe('the cancel of a scheduled execution', () => {
  it('cancelling a scheduled run leaves it CANCELLING: here it is final at once, and no body ever starts, although its run message waits in the queue', async () => {
    const file = temporaryFile('never');
    const cancelled = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const execution = await flux.rest.start('tidy', { file });
        const answer = await flux.rest.cancel(execution, '', { reason: 'not today' });
        expect(answer).toMatchObject({
          status: 200,
          body: { state: 'CANCELLED', attempt: 0, cancellation: { cleanup: 'none', outcome: 'cancelled' } },
        });
        return answer.body as ExecutionResource;
      }),
    );
    const last = await flux.rest.start('one_task', {});
    const late = await flux.startWorker('late');
    await flux.rest.until(last, ({ state }) => state === 'COMPLETED');
    const probe = await flux.rest.start('tidy', { file: `${file}.probe` });
    await flux.rest.until(probe, ({ state }) => state === 'RUNNING');
    await flux.rest.cancel(probe, '?mode=sync');
    expect(existsSync(file)).toBe(false);
    for (const execution of cancelled) {
      const present = await flux.rest.status('tidy', execution.executionId);
      expect(present).toEqual(execution);
      expect(historyFaults(present, await flux.rest.history(present))).toEqual([]);
    }
    await late.stop();
  });
});

/** An execution of `tidy` whose body has begun on the only worker there is. */
async function begun(input: { file: string; cleanupMs?: number }): Promise<ExecutionResource> {
  const execution = await flux.rest.start('tidy', input);
  return flux.rest.until(execution, ({ state }) => state === 'RUNNING');
}

async function expectTidied(execution: ExecutionResource, file: string): Promise<void> {
  const ended = await flux.rest.until(execution, ({ state }) => state === 'CANCELLED', PATIENCE_MS);
  expect(ended).toMatchObject({ attempt: 2, cancellation: { cleanup: 'succeeded', outcome: 'cancelled' } });
  expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  const lines = (await readFile(file, 'utf8')).split('\n');
  expect(lines.filter((line) => line === `cleanup-ends ${execution.executionId}`)).toHaveLength(1);
}

describe('the cancel of what waits for another worker', () => {
  it('cancel sent while workers are offline is lost: it waits here, and the next worker runs the cleanup', async () => {
    const file = temporaryFile('offline');
    const only = await flux.startWorker('only');
    const [owned, orphaned] = [await begun({ file }), await begun({ file })];
    await only.kill();
    const cancel = (one: ExecutionResource) => flux.rest.cancel(one, '', { gracePeriod: '5m' });
    expect(await cancel(owned)).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    await flux.rest.until(orphaned, ({ state }) => state === 'SCHEDULED');
    expect(await cancel(orphaned)).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    await flux.rest.until(owned, ({ workerId }) => workerId === null);
    const next = await flux.startWorker('next');
    for (const execution of [owned, orphaned]) await expectTidied(execution, file);
    await next.stop();
  }, 60_000);

  it('the process exits on SIGTERM, the row stays CANCELLING and holds its concurrency slot: the next one ends it', async () => {
    const file = temporaryFile('slot');
    const single = { FLUX_WORKER_CONCURRENCY: '1' };
    const leaving = await flux.startWorker('leaving', { ...single, FLUX_WORKER_DRAIN: '100ms' });
    const execution = await begun({ file, cleanupMs: 3_000 });
    const behind = await flux.rest.start('one_task', {});
    await flux.rest.cancel(execution, '', { gracePeriod: '5m' });
    await flux.rest.untilHistory(execution, (events) => events.some(({ type }) => type === 'task_completed'));
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
    expect(await flux.rest.status('tidy', execution.executionId)).toMatchObject({
      state: 'CANCELLING',
      workerId: null,
    });
    const next = await flux.startWorker('next', single);
    await expectTidied(execution, file);
    for (const one of [behind, await flux.rest.start('one_task', {})]) {
      const { workerId } = await flux.rest.until(one, ({ state }) => state === 'COMPLETED', PATIENCE_MS);
      expect(workerId).toMatch(/^next@/);
    }
    await next.stop();
  }, 60_000);
});
