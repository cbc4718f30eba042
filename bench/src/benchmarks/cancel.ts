import { cancellationResource, type CancellationResource, type ExecutionResource } from '@flux/contracts';
import type { Benchmark } from '../benchmark.js';
import { Floor } from '../floor/floor.js';
import { Flux } from '../flux.js';
import { openLab } from '../lab.js';
import { monotonicMs, summarize, type Summary } from '../stats.js';
import { oneAtATime, takeTurns, type Turns } from '../turns.js';

type Phases = Readonly<Record<string, Summary>>;

const DEFAULT_COUNT = 200;
const WARM_UP = 100;
const ROUNDS_OF_MANY = 3;

/** The time from sending `POST …/cancel?mode=sync` to the answer CANCELLED: one at a time, then many in flight. */
export const cancel: Benchmark = async (options, defer) => {
  const { count = DEFAULT_COUNT, rounds, inFlight, profileDir } = options;
  const lab = await openLab(defer);
  const floor = await Floor.start(lab);
  const flux = await Flux.start(lab, { concurrency: 2 * inFlight, connections: inFlight, profileDir });
  const answers: CancellationResource[] = [];
  const sample = async (): Promise<number> => {
    const [execution] = await flux.startWaiting(1);
    return cancelOne(flux, execution!, answers);
  };
  const sampleMany = async (): Promise<number[]> => {
    const executions = await flux.startWaiting(inFlight);
    return Promise.all(executions.map((execution) => cancelOne(flux, execution, answers)));
  };

  const [one, many] = ['one at a time', `${inFlight} in flight`];
  const perRound = Math.ceil(count / rounds);
  await floor.measure(WARM_UP);
  await oneAtATime(WARM_UP, sample);
  answers.length = 0;
  const floorOne = (): Promise<number[]> => floor.measure(perRound);
  const single = await takeTurns(one, rounds, floorOne, () => oneAtATime(perRound, sample));
  const singlePhases = phases(answers.splice(0));

  const floorMany = (): Promise<number[]> => floor.measure(inFlight, inFlight);
  await floorMany();
  await sampleMany();
  answers.length = 0;
  const parallel = await takeTurns(many, ROUNDS_OF_MANY, floorMany, sampleMany);
  return {
    latencies: {
      ...table(one, single, singlePhases),
      ...table(many, parallel, phases(answers)),
    },
    values: { ...single.ratios, ...parallel.ratios },
  };
};

function table(label: string, { floor, flux }: Turns, steps: Phases): Record<string, Summary> {
  return {
    [`${label}: floor`]: summarize(floor),
    [`${label}: cancel`]: summarize(flux),
    ...Object.fromEntries(Object.entries(steps).map(([step, took]) => [`${label}: ${step}`, took])),
  };
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
function phases(answers: readonly CancellationResource[]): Phases {
  const steps = ['requestedAt', 'deliveredAt', 'stoppedAt', 'finalizedAt'] as const;
  return Object.fromEntries(
    steps.slice(1).map((step, index) => {
      const from = steps[index] as (typeof steps)[number];
      const took = answers.map((answer) => Date.parse(answer[step] ?? '') - Date.parse(answer[from] ?? ''));
      return [`${from} → ${step}`, summarize(took)];
    }),
  );
}
