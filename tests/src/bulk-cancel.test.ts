import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  bulkCancelResource,
  bulkItemPage,
  bulkPreviewResource,
  type BulkCancelResource,
  type BulkItemResource,
  type ExecutionResource,
} from '@flux/contracts';
import { seedScheduled, until } from '@flux/testing';
import type { Server } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import type { Answer, Rest } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

const ADA = { 'flux-actor': 'cli:ada' };

const flux = useDeployment(['worker-a'], { FLUX_WORKER_CONCURRENCY: '400' });
let second: Server;

beforeAll(async () => {
  second = await flux.startServer();
}, 60_000);

const post = (body: unknown, rest: Rest = flux.rest): Promise<Answer> =>
  rest.request('POST', '/cancellations', { body, headers: ADA });

const begin = async (body: Record<string, unknown>, rest?: Rest): Promise<BulkCancelResource> => {
  const answer = await post(body, rest);
  expect(answer.status).toBe(202);
  const job = bulkCancelResource.parse(answer.body);
  expect(answer.headers.get('location')).toBe(`/cancellations/${job.cancellationId}`);
  return job;
};

/** Follows a job over its event stream; resolves with everything it told. */
async function follow(
  url: string,
  { cancellationId }: BulkCancelResource,
  accept: (job: BulkCancelResource) => boolean = ({ finishedAt }) => finishedAt !== null,
): Promise<BulkCancelResource[]> {
  const response = await fetch(`${url}/cancellations/${cancellationId}`, {
    headers: { accept: 'text/event-stream' },
    signal: AbortSignal.timeout(55_000),
  });
  const told: BulkCancelResource[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const [, data] = /^event: cancellation\ndata: (.*)$/.exec(message) ?? [];
      if (data !== undefined) told.push(bulkCancelResource.parse(JSON.parse(data)));
    }
    const last = told.at(-1);
    if (last && accept(last)) break;
  }
  return told;
}

const ended = async (job: BulkCancelResource, url = flux.url): Promise<BulkCancelResource> =>
  (await follow(url, job)).at(-1)!;

const itemsOf = ({ cancellationId }: BulkCancelResource, query = ''): Promise<BulkItemResource[]> =>
  flux.rest.list(`/cancellations/${cancellationId}/executions?limit=500${query}`, bulkItemPage);

const running = async (count: number, labels: Record<string, string>): Promise<ExecutionResource[]> => {
  const executions = await Promise.all(
    Array.from({ length: count }, () => flux.rest.start('sleeper', {}, { labels })),
  );
  const ids = executions.map(({ executionId }) => executionId);
  const present = "executions WHERE id = ANY($1::uuid[]) AND state = 'RUNNING'";
  await until('them to run', async () => (await flux.count(present, [ids])) === count);
  return executions;
};

const seed = (count: number, labels: Record<string, string>): Promise<string[]> =>
  seedScheduled(flux.sandbox, count, labels);

describe('a bulk cancel', () => {
  it('cancels every running execution with a label, says who and why, and spares what comes later', async () => {
    const executions = await running(60, { team: 'media' });
    const neighbour = (await running(1, { team: 'other' }))[0]!;
    const job = await begin({ filter: { labels: { team: 'media' } }, reason: 'wrong batch' });
    const late = await flux.rest.start('sleeper', {}, { labels: { team: 'media' } });
    expect(job).toMatchObject({ state: 'running', requestedBy: 'cli:ada', reason: 'wrong batch' });
    expect(job.counts.total).toBe(60);
    expect(await ended(job, second.url)).toMatchObject({
      state: 'completed',
      counts: { total: 60, waiting: 0, requested: 0, cancelled: 60 },
    });
    for (const execution of executions) {
      const present = await flux.rest.status('sleeper', execution.executionId);
      expect(present).toMatchObject({
        state: 'CANCELLED',
        cancellation: { requestedBy: 'cli:ada', reason: 'wrong batch', cause: 'bulk', outcome: 'cancelled' },
      });
      const history = await flux.rest.history(present);
      expect(historyFaults(present, history)).toEqual([]);
      expect(history.find(({ type }) => type === 'cancel_requested')?.data).toMatchObject({
        cancellationId: job.cancellationId,
      });
    }
    for (const { executionId } of [late, neighbour]) {
      expect((await flux.rest.status('sleeper', executionId)).cancellation).toBeNull();
    }
    const all = await begin({ filter: { workflowName: 'sleeper' } });
    expect(await ended(all)).toMatchObject({ counts: { total: 2, cancelled: 2 } });
  }, 60_000);

  it('answers what was asked, and history says the same (elsewhere: 200 with nothing recorded)', async () => {
    const [id] = await seed(1, { bulk: 'recorded' });
    const job = await ended(await begin({ filter: { labels: { bulk: 'recorded' } } }));
    expect(job.counts).toMatchObject({ total: 1, cancelled: 1 });
    expect((await flux.rest.request('GET', '/cancellations?limit=1')).body).toMatchObject({ items: [job] });
    expect(await itemsOf(job)).toEqual([
      { executionId: id, outcome: 'cancelled', workflowName: 'sleeper', state: 'CANCELLED' },
    ]);
    expect(await flux.rest.typesOf({ workflowName: 'sleeper', executionId: id! })).toEqual([
      'execution_scheduled',
      'cancel_requested',
      'execution_cancelled',
    ]);
    const empty = await begin({ filter: { labels: { bulk: 'nobody' } } });
    expect(empty).toMatchObject({ state: 'completed', counts: { total: 0 } });
    const path = `/cancellations/${empty.cancellationId}`;
    expect((await flux.rest.request('GET', path)).body).toEqual(empty);
  });

  it('writes of a scheduled execution what a single cancel writes', async () => {
    const [single, bulk] = await seed(2, { bulk: 'shape' });
    const body = { reason: 'why', gracePeriod: '3s' };
    const ref = { workflowName: 'sleeper', executionId: single! };
    await flux.rest.act(ref, 'cancel', body, ADA);
    await ended(await begin({ filter: { labels: { bulk: 'shape' } }, ...body }));
    const rowOf = async (id: string): Promise<Record<string, unknown>> => {
      const [row] = await flux.sandbox.query<{ row: Record<string, unknown> }>(
        'SELECT to_json(e) AS row FROM executions e WHERE id = $1',
        [id],
      );
      const { id: _, finished_at: at, created_at: ____, cancellation, ...rest } = row!.row;
      expect(typeof at).toBe('string');
      const { requestedAt, deadlineAt, bulkId: __, ...told } = cancellation as Record<string, number>;
      const { deliveredAt, stoppedAt, finalizedAt, ...how } = told;
      expect([deliveredAt, stoppedAt, finalizedAt]).toEqual([requestedAt, requestedAt, requestedAt]);
      return { ...rest, cancellation: how, grace: deadlineAt! - requestedAt! };
    };
    const [one, other] = [await rowOf(single!), await rowOf(bulk!)];
    expect(other).toEqual({ ...one, cancellation: { ...(one.cancellation as object), cause: 'bulk' } });
    const eventsOf = async (id: string): Promise<unknown[]> =>
      (await flux.rest.history({ ...ref, executionId: id })).map(({ at: _, data, ...event }) => {
        const { cause: __, cancellationId: ___, ...what }: Readonly<Record<string, unknown>> = data;
        const times = ['deadlineAt', 'deliveredAt', 'stoppedAt'].filter((name) => name in what);
        return { ...event, data: { ...what, ...Object.fromEntries(times.map((name) => [name, 'then'])) } };
      });
    expect(await eventsOf(bulk!)).toEqual(await eventsOf(single!));
    const present = await flux.rest.status('sleeper', bulk!);
    await flux.rest.expectLegal(present);
    const [, requested, cancelled] = await flux.rest.history(present);
    const { deadlineAt, deliveredAt, stoppedAt } = present.cancellation ?? {};
    expect(requested?.data).toMatchObject({ deadlineAt });
    expect(cancelled?.data).toMatchObject({ deliveredAt, stoppedAt });
  });

  it('counts tens of thousands, and a dry run writes nothing (elsewhere: times out while counting)', async () => {
    await seed(20_000, { bulk: 'many' });
    const filter = { workflowName: 'sleeper', label: 'bulk:many' };
    const before = await flux.count('cancellations');
    const preview = await post({ filter, dryRun: true });
    expect(preview.status).toBe(200);
    const { total, byState, examples } = bulkPreviewResource.parse(preview.body);
    expect({ total, byState }).toEqual({ total: 20_000, byState: { SCHEDULED: 20_000 } });
    expect(examples).toHaveLength(10);
    expect(await flux.count('cancellations')).toBe(before);
    const job = await begin({ filter });
    const told = await follow(second.url, job);
    expect(told.at(-1)).toMatchObject({ state: 'completed', counts: { total: 20_000, cancelled: 20_000 } });
    const left = `executions WHERE labels @> '{"bulk":"many"}' AND state <> 'CANCELLED'`;
    expect(await flux.count(left)).toBe(0);
  }, 60_000);

  it('keeps the rate that was asked for, over all replicas, and stops when told to (elsewhere: has no rate limit)', async () => {
    await seed(200, { bulk: 'paced' });
    const began = performance.now();
    const job = await begin({ filter: { labels: { bulk: 'paced' } }, ratePerSecond: 20 });
    const told = await follow(flux.url, job, ({ counts }) => counts.cancelled >= 15);
    const seconds = (performance.now() - began) / 1000;
    // Half a second may be made good, and a chunk of a quarter goes at once.
    expect(told.at(-1)!.counts.cancelled).toBeLessThanOrEqual(20 * (seconds + 0.75) + 1);
    const path = `/cancellations/${job.cancellationId}`;
    const stopped = bulkCancelResource.parse((await second.rest.request('DELETE', path)).body);
    expect(stopped.state).toBe('stopped');
    const last = await ended(job);
    await wait(600);
    expect(bulkCancelResource.parse((await flux.rest.request('GET', path)).body)).toEqual(last);
    expect(last.counts.cancelled).toBeGreaterThanOrEqual(15);
    expect(last.counts.cancelled + last.counts.skipped).toBe(200);
    expect(await itemsOf(last, '&outcome=skipped')).toHaveLength(last.counts.skipped);
    const left = `executions WHERE labels @> '{"bulk":"paced"}' AND state = 'SCHEDULED'`;
    expect(await flux.count(left)).toBe(last.counts.skipped);
  }, 60_000);

  it('goes on after the server that took it is killed, and signals nothing twice', async () => {
    const third = await flux.startServer();
    const executions = await running(24, { bulk: 'restart' });
    const job = await begin({ filter: { labels: { bulk: 'restart' } }, ratePerSecond: 20 }, third.rest);
    await follow(flux.url, job, ({ counts }) => counts.cancelled + counts.requested > 5);
    await third.process.kill();
    expect(await ended(job)).toMatchObject({ state: 'completed', counts: { total: 24, cancelled: 24 } });
    for (const execution of executions) {
      const present = await flux.rest.status('sleeper', execution.executionId);
      const history = await flux.rest.history(present);
      expect(historyFaults(present, history)).toEqual([]);
      expect(history.filter(({ type }) => type === 'cancel_requested')).toHaveLength(1);
    }
  }, 60_000);

  it('tells which executions had ended before their turn came', async () => {
    // The turn of the last one comes after 3 s, and so after its own cancel.
    const [first, ...rest] = await seed(4, { bulk: 'late' });
    const job = await begin({ filter: { labels: { bulk: 'late' } }, ratePerSecond: 1 });
    const last = { workflowName: 'sleeper', executionId: rest.at(-1)! };
    expect((await flux.rest.cancel(last)).status).toBe(200);
    expect(await ended(job)).toMatchObject({ counts: { cancelled: 3, alreadyFinished: 1 } });
    const outcomes = new Map((await itemsOf(job)).map(({ executionId, outcome }) => [executionId, outcome]));
    expect(outcomes.get(last.executionId)).toBe('already_finished');
    expect(outcomes.get(first!)).toBe('cancelled');
  }, 60_000);
});

describe('a GET or a HEAD', () => {
  it('is refused and cancels nothing (elsewhere: GET cancels)', async () => {
    const [id] = await seed(1, { bulk: 'get' });
    const path = `/workflows/sleeper/executions/${id}/cancel`;
    for (const method of ['GET', 'HEAD']) {
      expect((await flux.rest.request(method, path)).status).toBe(405);
    }
    expect(await flux.rest.request('GET', '/cancellations?dryRun=false')).toMatchObject({ status: 422 });
    expect(await flux.rest.status('sleeper', id!)).toMatchObject({ state: 'SCHEDULED', cancellation: null });
  });
});
