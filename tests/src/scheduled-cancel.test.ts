import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['passing']);
const { expectLegal, reach, started } = flux.rest;

// A worker makes the workflows known and leaves, so that what is started then stays SCHEDULED.
beforeAll(() => flux.worker.stop(), 60_000);

describe('the cancel of a scheduled execution', () => {
  it('is final at once, and no body ever starts, although its run message waits in the queue (elsewhere: cancelling a scheduled run leaves it CANCELLING)', async () => {
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
    await reach(last, 'COMPLETED');
    await flux.rest.cancelled(await started('tidy', { file: `${file}.probe` }));
    expect(existsSync(file)).toBe(false);
    for (const execution of cancelled) {
      const present = await flux.rest.status('tidy', execution.executionId);
      expect(present).toEqual(execution);
      await expectLegal(present);
    }
    await late.stop();
  });
});

async function expectTidied(execution: ExecutionResource, file: string): Promise<void> {
  const ended = await reach(execution, 'CANCELLED');
  expect(ended).toMatchObject({ attempt: 2, cancellation: { cleanup: 'succeeded', outcome: 'cancelled' } });
  await expectLegal(ended);
  expect(linesOf(file).filter((line) => line === `cleanup-ends ${execution.executionId}`)).toHaveLength(1);
}

describe('the cancel of what waits for another worker', () => {
  it('waits while workers are offline, and the next one runs the cleanup (elsewhere: cancel sent while workers are offline is lost)', async () => {
    const file = temporaryFile('offline');
    const only = await flux.startWorker('only');
    const [owned, orphaned] = [await started('tidy', { file }), await started('tidy', { file })];
    await only.kill();
    const cancel = (one: ExecutionResource) => flux.rest.cancel(one, '', { gracePeriod: '5m' });
    expect(await cancel(owned)).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    await reach(orphaned, 'SCHEDULED');
    expect(await cancel(orphaned)).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    await flux.rest.until(owned, ({ workerId }) => workerId === null);
    const next = await flux.startWorker('next');
    for (const execution of [owned, orphaned]) await expectTidied(execution, file);
    await next.stop();
  }, 60_000);

  it('ends on the next worker when its own exits on SIGTERM (elsewhere: the process exits on SIGTERM, the row stays CANCELLING and holds its concurrency slot)', async () => {
    const file = temporaryFile('slot');
    const single = { FLUX_WORKER_CONCURRENCY: '1' };
    const leaving = await flux.startWorker('leaving', { ...single, FLUX_WORKER_DRAIN: '100ms' });
    const execution = await started('tidy', { file, cleanupMs: 3_000 });
    const behind = await flux.rest.start('one_task', {});
    await flux.rest.cancel(execution, '', { gracePeriod: '5m' });
    await flux.rest.untilEvent(execution, 'task_completed');
    expect(await leaving.stop()).toEqual({ code: 0, signal: null });
    expect(await flux.rest.status('tidy', execution.executionId)).toMatchObject({
      state: 'CANCELLING',
      workerId: null,
    });
    const next = await flux.startWorker('next', single);
    await expectTidied(execution, file);
    for (const one of [behind, await flux.rest.start('one_task', {})]) {
      const { workerId } = await reach(one, 'COMPLETED');
      expect(workerId).toMatch(/^next@/);
    }
    await next.stop();
  }, 60_000);
});
