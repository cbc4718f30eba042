import { seedHandedBack, until } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { summarize } from '../stats.js';

const EVENTS = 10_000;
const DEFAULT_COUNT = 10;

interface Took {
  readonly called: number;
  readonly replayed: number;
}

/**
 * A worker takes over an execution with 10,000 recorded results: from the claim to the first task that has none. The
 * results are written to the database as checkpoints leave them.
 */
export const replay: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  await Flux.start(lab, { concurrency: 100, connections: 1, profileDir });
  const samples: Took[] = [];
  await takeOver(lab);
  while (samples.length < count) samples.push(await takeOver(lab));
  const replayed = summarize(samples.map((sample) => sample.replayed / EVENTS));
  return {
    latencies: {
      [`claim → first new task, ${EVENTS} events`]: summarize(samples.map(({ called }) => called)),
      'of that, replay in the runner': summarize(samples.map((sample) => sample.replayed)),
    },
    values: { 'replay, µs an event (median)': 1000 * replayed.p50 },
  };
};

/** Milliseconds from the claim, and from the body's first line, to the task. */
async function takeOver(lab: Lab): Promise<Took> {
  const id = await seedHandedBack(lab, {
    workflowName: 'bench_replay',
    input: EVENTS,
    taskName: 'bench_noop',
    results: EVENTS,
  });
  const read = async (): Promise<Took | undefined> => (await lab.query<Took>(TIMES, [id]))[0];
  return until('the execution to end', read, 60_000, 50);
}

/** The task tells in its output how long the body had replayed; what the rest took, the api's clock says. */
const TIMES = `
SELECT
  (extract(epoch FROM task.at - started.at) * 1000)::float8 AS called,
  (task.data->>'output')::float8 AS replayed
FROM executions e
JOIN execution_events started ON started.execution_id = e.id AND started.type = 'execution_started' AND started.attempt = 2
JOIN execution_events task ON task.execution_id = e.id AND task.type = 'task_completed' AND task.attempt = 2
WHERE e.id = $1 AND e.state = 'COMPLETED'`;
