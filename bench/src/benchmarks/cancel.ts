import { cancellationResource } from '@flux/contracts';
import type { CancellationResource, ExecutionResource } from '@flux/contracts';
import type { Benchmark } from '../benchmark.js';
import { Floor } from '../floor/floor.js';
import { Flux, isWaiting } from '../flux.js';
import { openLab } from '../lab.js';
import { monotonicMs, summarize } from '../stats.js';
import type { Summary } from '../stats.js';
import { takeTurns } from '../turns.js';

const DEFAULT_COUNT = 200;
const WARM_UP = 100;

/** From sending `POST …/cancel?mode=sync` to the answer CANCELLED: one at a time, then many in flight. */
export const cancel: Benchmark = async ({ count = DEFAULT_COUNT, rounds, inFlight, profileDir }, defer) => {
  const lab = await openLab(defer);
  const floor = await Floor.start(lab);
  const flux = await Flux.start(lab, { concurrency: 2 * inFlight, connections: inFlight, profileDir });
  const cancellations: CancellationResource[] = [];
  const measure = async (samples: number): Promise<number[]> => {
    const taken: number[] = [];
    while (taken.length < samples) {
      taken.push(await cancelOne(flux, await startWaiting(flux), cancellations));
    }
    return taken;
  };
  const measureMany = async (): Promise<number[]> => {
    const executions = await Promise.all(Array.from({ length: inFlight }, () => startWaiting(flux)));
    return Promise.all(executions.map((execution) => cancelOne(flux, execution, cancellations)));
  };
  await floor.measure(WARM_UP);
  await measure(WARM_UP);
  cancellations.length = 0;
  const turns = await takeTurns(floor, measure, { rounds }, count);
  const singlePhases = phases('one at a time', cancellations.splice(0));

  await floor.measure(inFlight, inFlight);
  await measureMany();
  cancellations.length = 0;
  const manyFloor = await floor.measure(inFlight, inFlight);
  const many = await measureMany();
  return {
    latencies: {
      'floor, one at a time': summarize(turns.floor),
      'cancel, one at a time': summarize(turns.flux),
      ...singlePhases,
      [`floor, ${inFlight} in flight`]: summarize(manyFloor),
      [`cancel, ${inFlight} in flight`]: summarize(many),
      ...phases(`${inFlight} in flight`, cancellations),
    },
    values: {
      ...turns.ratios,
      [`ratio of medians, ${inFlight} in flight`]: summarize(many).p50 / summarize(manyFloor).p50,
    },
  };
};

async function startWaiting(flux: Flux): Promise<ExecutionResource> {
  return flux.waitFor(await flux.startExecution('bench_wait'), isWaiting);
}

/** The milliseconds of one cancel; what the server says of it goes to `seen`. */
async function cancelOne(
  { client }: Flux,
  { workflowName, executionId }: ExecutionResource,
  seen: CancellationResource[],
): Promise<number> {
  const sent = monotonicMs();
  const path = `/workflows/${workflowName}/executions/${executionId}/cancel?mode=sync&timeout=30s`;
  const { status, body } = await client.send('POST', path, {});
  const duration = monotonicMs() - sent;
  const { state, cancellation } = body as ExecutionResource;
  if (status !== 200 || state !== 'CANCELLED') {
    throw new Error(`cancel was answered ${status}: ${JSON.stringify(body)}`);
  }
  seen.push(cancellationResource.parse(cancellation));
  return duration;
}

/** The server's own times, which have whole milliseconds: read their means. */
function phases(
  label: string,
  cancellations: readonly CancellationResource[],
): Readonly<Record<string, Summary>> {
  const steps = ['requestedAt', 'deliveredAt', 'stoppedAt', 'finalizedAt'] as const;
  return Object.fromEntries(
    steps.slice(1).map((step, index) => {
      const from = steps[index] as (typeof steps)[number];
      const took = cancellations.map((each) => Date.parse(each[step] ?? '') - Date.parse(each[from] ?? ''));
      return [`  ${label}: ${from} → ${step}`, summarize(took)];
    }),
  );
}
