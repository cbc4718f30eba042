import { bulkCancelResource } from '@flux/contracts';
import { seedScheduled, until } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { monotonicMs } from '../stats.js';

const DEFAULT_RUNNING = 1_000;
const SCHEDULED = 100_000;
const CONNECTIONS = 64;
const LIMIT_MS = 120_000;

/**
 * The time from sending one `POST /cancellations` until all its executions are CANCELLED: `count` that a worker runs,
 * then 100,000 that no worker ever had. The latter are written to the database as a start leaves them.
 */
export const bulk: Benchmark = async ({ count = DEFAULT_RUNNING, profileDir }, defer) => {
  const lab = await openLab(defer);
  const flux = await Flux.start(lab, { concurrency: count + 10, connections: CONNECTIONS, profileDir });
  await flux.startWaiting(count);
  const running = await cancelAll(lab, flux, { workflowName: 'bench_wait' }, count);
  await seedScheduled(lab, SCHEDULED, { bulk: 'scheduled' }, 'bench_sleeper');
  const scheduled = await cancelAll(lab, flux, { labels: { bulk: 'scheduled' } }, SCHEDULED);
  return {
    latencies: {},
    values: {
      'executions running': count,
      'running: request sent → answered (s)': running.answered,
      'running: request sent → all CANCELLED (s)': running.cancelled,
      'executions scheduled': SCHEDULED,
      'scheduled: request sent → answered, snapshot taken (s)': scheduled.answered,
      'scheduled: request sent → all CANCELLED (s)': scheduled.cancelled,
    },
  };
};

interface Took {
  /** Seconds. */
  readonly answered: number;
  readonly cancelled: number;
}

async function cancelAll(lab: Lab, flux: Flux, filter: object, total: number): Promise<Took> {
  const sent = monotonicMs();
  const { status, body } = await flux.client.send('POST', '/cancellations', { filter });
  const answered = (monotonicMs() - sent) / 1000;
  if (status !== 202 || bulkCancelResource.parse(body).counts.total !== total) {
    throw new Error(`a bulk cancel of ${total} was answered ${status}: ${JSON.stringify(body)}`);
  }
  await until(`the end of ${total} executions`, async () => (await left(lab)) === 0, LIMIT_MS);
  return { answered, cancelled: (monotonicMs() - sent) / 1000 };
}

/** How many have not ended, which the index by state tells. */
async function left(lab: Lab): Promise<number> {
  const [row] = await lab.query<{ count: number }>(
    "SELECT count(*)::int FROM executions WHERE state IN ('SCHEDULED', 'RUNNING', 'CANCELLING')",
  );
  return row?.count ?? 0;
}
