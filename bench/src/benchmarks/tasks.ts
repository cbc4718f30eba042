import { until } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { cpuFigures, CpuMeter } from '../cpu-meter.js';
import { Floor } from '../floor/floor.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { summarize } from '../stats.js';

const TASKS = 100;
const DEFAULT_SAMPLES = 20;
const AT_ONCE = 50;
const ROUNDS_AT_ONCE = 5;
const WARM_UP = 3;

/**
 * The cost of a task: workflows of 100 no-op tasks one after the other, first each workflow alone, then 50 at once. A
 * task's time is its workflow's, from the claim to the end, over 100: all of it but the start.
 */
export const tasks: Benchmark = async ({ count = DEFAULT_SAMPLES, profileDir }, defer) => {
  const lab = await openLab(defer);
  const floor = await Floor.start(lab);
  const flux = await Flux.start(lab, { concurrency: 2 * AT_ONCE, connections: AT_ONCE, profileDir });
  const meter = await CpuMeter.of(flux, lab);
  const alone = async (): Promise<number> => (await run(flux, lab, 1)).took[0] as number;
  await floor.measure(TASKS);
  for (let turn = 0; turn < WARM_UP; turn += 1) await alone();
  const [floorMs, aloneMs]: [number[], number[]] = [[], []];
  while (aloneMs.length < count) {
    floorMs.push(...(await floor.measure(TASKS / 2)));
    aloneMs.push((await alone()) / TASKS);
  }
  await run(flux, lab, AT_ONCE);
  const before = await meter.read();
  const rates: number[] = [];
  while (rates.length < ROUNDS_AT_ONCE) {
    const { seconds } = await run(flux, lab, AT_ONCE);
    rates.push((AT_ONCE * TASKS) / seconds);
  }
  const after = await meter.read();
  const [task, bottom] = [summarize(aloneMs), summarize(floorMs)];
  return {
    latencies: { floor: bottom, 'a task of 100 one after the other': task },
    values: {
      'a task alone: ratio of medians, flux / floor': task.p50 / bottom.p50,
      'tasks per second, 50 workflows at once': summarize(rates).p50,
      'tasks per second, lowest round': Math.min(...rates),
      'tasks per second, highest round': Math.max(...rates),
      ...cpuFigures('task', ROUNDS_AT_ONCE * AT_ONCE * TASKS, before, after),
    },
  };
};

interface Ran {
  /** The milliseconds of each workflow, from its claim to its end. */
  readonly took: readonly number[];
  /** The milliseconds from the first claim to the last end. */
  readonly seconds: number;
}

/** Runs `executions` workflows at once. */
async function run(flux: Flux, lab: Lab, executions: number): Promise<Ran> {
  const started = await flux.startMany(executions, 'bench_tasks', TASKS);
  const ids = started.map(({ executionId }) => executionId);
  const read = async (): Promise<Ran | undefined> => {
    const [sums] = await lab.query<Ran & { done: number }>(TIMES, [ids]);
    return sums?.done === executions ? sums : undefined;
  };
  return until(`the end of ${executions} workflows`, read, 60_000, 50);
}

const TIMES = `
SELECT count(*) FILTER (WHERE state = 'COMPLETED')::int AS done,
  array_agg((extract(epoch FROM finished_at - started_at) * 1000)::float8) AS took,
  extract(epoch FROM max(finished_at) - min(started_at))::float8 AS seconds
FROM executions WHERE id = ANY($1::uuid[])`;
