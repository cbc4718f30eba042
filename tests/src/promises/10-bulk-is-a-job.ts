import { setTimeout as wait } from 'node:timers/promises';
import { bulkCancelResource, type BulkCancelResource } from '@flux/contracts';
import { seedScheduled } from '../support/seeds.js';
import { Lab } from './lab.js';
import { count, time, type Figure, type Proof, type Scale } from './proof.js';

async function bulk(lab: Lab, body: Record<string, unknown>): Promise<BulkCancelResource> {
  const answer = await lab.rest.request('POST', '/cancellations', { body });
  const { cancellationId } = bulkCancelResource.parse(answer.body);
  for (const limit = Date.now() + 120_000; ; await wait(20)) {
    const job = bulkCancelResource.parse(
      (await lab.rest.request('GET', `/cancellations/${cancellationId}`)).body,
    );
    if (job.finishedAt !== null) return job;
    if (Date.now() > limit) throw new Error(`the bulk cancel does not end: ${JSON.stringify(job)}`);
  }
}

/** From the call to the end of the last execution. */
async function spent(lab: Lab, label: string, began: number): Promise<number> {
  const last = await lab.number(
    "SELECT extract(epoch FROM max(finished_at)) * 1000 AS n FROM executions WHERE labels->>'bulk' = $1",
    [label],
  );
  return last - began;
}

async function play(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['one', 'two'], env: { FLUX_WORKER_CONCURRENCY: '1000' } }, async (lab) => {
    const [running, scheduled] = [scale.pick(100, 1_000), scale.pick(2_000, 100_000)];
    await Promise.all(
      Array.from({ length: running }, () =>
        lab.rest.start('waiting', { where: 'held' }, { labels: { bulk: 'running' } }),
      ),
    );
    const begun = "SELECT count(DISTINCT execution_id)::int AS n FROM stamps WHERE what = 'done'";
    if (!(await lab.reaches(running, begun))) throw new Error('not all executions began');
    let began = Date.now();
    const first = await bulk(lab, { filter: { labels: { bulk: 'running' } }, reason: 'bulk' });
    const ofRunning = await spent(lab, 'running', began);
    await seedScheduled(lab.flux.sandbox, scheduled, { bulk: 'scheduled' }, 'waiting');
    began = Date.now();
    const second = await bulk(lab, { filter: { labels: { bulk: 'scheduled' } }, reason: 'bulk' });
    const ofScheduled = await spent(lab, 'scheduled', began);
    const others = "SELECT count(*)::int AS n FROM executions WHERE state <> 'CANCELLED'";
    return [
      time(`${running.toLocaleString('en')} running executions are CANCELLED after`, [ofRunning], 3_000),
      time(
        `${scheduled.toLocaleString('en')} scheduled executions are CANCELLED after`,
        [ofScheduled],
        15_000,
      ),
      count('not cancelled', await lab.number(others)),
      count(
        'without an outcome of their own',
        running + scheduled - first.counts.cancelled - second.counts.cancelled,
      ),
    ];
  });
}

export const bulkIsAJob: Proof = { number: 10, promise: 'Bulk is a job', play };
