import { bulkCancelResource, type BulkCancelResource } from '@flux/contracts';
import { seedScheduled, until } from '@flux/testing';
import { inLab, type Lab } from './lab.js';
import { count, time } from './proof.js';

/** Cancels the executions of a label as one bulk; `tookMs`: from the call to the end of the last of them. */
async function cancelAll(lab: Lab, label: string): Promise<{ cancelled: number; tookMs: number }> {
  const began = Date.now();
  const body = { filter: { labels: { bulk: label } }, reason: 'bulk' };
  const answer = await lab.rest.request('POST', '/cancellations', { body });
  const { cancellationId } = bulkCancelResource.parse(answer.body);
  const ended = async (): Promise<BulkCancelResource | false> => {
    const { body: told } = await lab.rest.request('GET', `/cancellations/${cancellationId}`);
    const job = bulkCancelResource.parse(told);
    return job.finishedAt !== null && job;
  };
  const { counts } = await until('the end of the bulk cancel', ended, 120_000);
  const [last] = await lab.sql<{ at: Date }>(
    "SELECT max(finished_at) AS at FROM executions WHERE labels->>'bulk' = $1",
    [label],
  );
  return { cancelled: counts.cancelled, tookMs: Number(last?.at) - began };
}

export const bulkIsAJob = inLab(10, 'Bulk is a job', { workers: ['one', 'two'] }, async (lab, scale) => {
  const [running, scheduled] = [scale.pick(100, 1_000), scale.pick(2_000, 100_000)];
  await Promise.all(
    Array.from({ length: running }, () =>
      lab.rest.start('waiting', { where: 'held' }, { labels: { bulk: 'running' } }),
    ),
  );
  const begun = "(SELECT DISTINCT execution_id FROM stamps WHERE what = 'done') AS begun";
  if (!(await lab.reaches(running, begun))) throw new Error('not all executions began');
  const first = await cancelAll(lab, 'running');
  await seedScheduled(lab.flux.sandbox, scheduled, { bulk: 'scheduled' }, 'waiting');
  const second = await cancelAll(lab, 'scheduled');
  const without = running + scheduled - first.cancelled - second.cancelled;
  const [few, many] = [running.toLocaleString('en'), scheduled.toLocaleString('en')];
  return [
    time(`${few} running executions are CANCELLED after`, [first.tookMs], 3_000),
    time(`${many} scheduled executions are CANCELLED after`, [second.tookMs], 15_000),
    count('not cancelled', await lab.rows("executions WHERE state <> 'CANCELLED'")),
    count('without an outcome of their own', without),
  ];
});
