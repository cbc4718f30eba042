import { beforeAll, describe, expect, it } from '@jest/globals';
import { executionPage, type BulkCancelResource, type ListedExecutionResource } from '@flux/contracts';
import { until, type FluxProcess } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment([], { FLUX_MAX_DEPTH: '1000' });
const { end, expectLegal, reach } = flux.rest;
let worker: FluxProcess;

const startWorker = async (name: string, places: number): Promise<void> => {
  worker = await flux.startWorker(name, { FLUX_WORKER_CONCURRENCY: String(places) });
};

beforeAll(() => startWorker('worker-a', 1), 60_000);

const executionsOf = (query: string): Promise<ListedExecutionResource[]> =>
  flux.rest.list(`/executions?${query}&limit=500`, executionPage);

/** Cancels all of a workflow, and resolves with the job once that has ended. */
async function cancelAll(workflowName: string): Promise<BulkCancelResource> {
  const { body } = await flux.rest.request('POST', '/cancellations', { body: { filter: { workflowName } } });
  const { cancellationId } = body as BulkCancelResource;
  return until('the bulk cancel ended', async () => {
    const job = (await flux.rest.request('GET', `/cancellations/${cancellationId}`))
      .body as BulkCancelResource;
    return job.finishedAt !== null && job;
  });
}

describe('on few places', () => {
  it('what a shield waits for finds one, however deep, and the last place is not given away (elsewhere: a cleanup waits for a place that its ancestors hold)', async () => {
    const parent = await flux.rest.start('shields', { depth: 4 });
    const others = await Promise.all([1, 2].map(() => flux.rest.start('taking_a_place')));
    expect(await end(parent)).toMatchObject({ state: 'COMPLETED', output: 4 });
    await cancelAll('taking_a_place');
    expect((await Promise.all(others.map((one) => end(one)))).map(({ state }) => state)).toEqual([
      'CANCELLED',
      'CANCELLED',
    ]);
  }, 60_000);

  it('each of many that are cancelled at once finds one for what undoes it', async () => {
    await worker.stop();
    await startWorker('worker-b', 6);
    const file = temporaryFile('refunds');
    const waiting = await Promise.all(
      Array.from({ length: 14 }, () => flux.rest.started('refunded', { file, waits: true }, 'PAUSED')),
    );
    const running = await Promise.all(
      Array.from({ length: 6 }, () => flux.rest.started('refunded', { file, waits: false }, 'RUNNING')),
    );
    // These are first in the queues, and take whatever place becomes free.
    const others = await Promise.all(Array.from({ length: 20 }, () => flux.rest.start('taking_a_place')));
    const all = [...waiting, ...running];
    expect((await cancelAll('refunded')).counts).toMatchObject({ total: 20, cancelled: 20 });
    for (const execution of all) {
      const ended = await expectLegal(await end(execution));
      expect(ended).toMatchObject({ state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } });
    }
    expect(linesOf(file).sort()).toEqual(all.map(({ executionId }) => executionId).sort());
    expect((await cancelAll('taking_a_place')).counts.total).toBe(others.length);
  }, 120_000);
});

describe('a deep tree', () => {
  beforeAll(async () => {
    await worker.stop();
    await startWorker('worker-c', 100);
  }, 60_000);

  it('cleans up in each generation when its root is cancelled, from below', async () => {
    const file = temporaryFile('chain');
    const depth = 100;
    const root = await flux.rest.start('chain', { file, depth });
    // A hundred starts, one after the other.
    const last = await until(
      'the last of the chain',
      async () => {
        const found = await executionsOf('workflowName=chain&state=PAUSED');
        return found.find(({ rootExecutionId }) => rootExecutionId === root.executionId);
      },
      100_000,
      100,
    );
    await reach(last, 'PAUSED');
    await flux.rest.cancel(root);
    const ended = await expectLegal(await end(root, 90_000));
    expect(ended).toMatchObject({ state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } });
    const members = await executionsOf('workflowName=chain');
    expect(members.map(({ cancellation }) => cancellation?.cleanup)).toEqual(
      Array.from({ length: depth + 1 }, () => 'succeeded'),
    );
    expect(linesOf(file)).toEqual(Array.from({ length: depth + 1 }, (_, above) => String(above)));
  }, 240_000);

  it('that starts itself again and again does not outrun one bulk cancel (elsewhere: a chain outruns its cancel)', async () => {
    const chains = await Promise.all([1, 2, 3].map(() => flux.rest.start('relay_race')));
    const isLong = async ({ executionId }: ListedExecutionResource): Promise<boolean> =>
      (await executionsOf('workflowName=relay_race')).filter((each) => each.rootExecutionId === executionId)
        .length >= 4;
    for (const root of chains) await until('a chain goes on', () => isLong(root));
    expect(await cancelAll('relay_race')).toMatchObject({ state: 'completed' });
    const members = await executionsOf('workflowName=relay_race');
    expect(members.filter(({ finishedAt }) => finishedAt === null)).toEqual([]);
    // What was started after it is none of its business.
    const next = await flux.rest.start('relay_race');
    await until('the next chain goes on', () => isLong(next));
    await cancelAll('relay_race');
  }, 120_000);
});
