import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { monotonicMs, summarize } from '../stats.js';

const EVENTS = 10_000;
const DEFAULT_COUNT = 10;

/**
 * A worker takes over an execution with 10,000 recorded results: from the claim to the first task that has none. The
 * results are written to the database as checkpoints leave them.
 */
export const replay: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  await Flux.start(lab, { concurrency: 100, connections: 1, profileDir });
  const samples: { called: number; replayed: number }[] = [];
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
async function takeOver(lab: Lab): Promise<{ called: number; replayed: number }> {
  const [written] = await lab.query<{ id: string }>(WRITE, [EVENTS]);
  const deadline = monotonicMs() + 60_000;
  for (;;) {
    const [row] = await lab.query<{ called: number; replayed: number }>(TIMES, [written?.id]);
    if (row) return row;
    if (monotonicMs() > deadline) throw new Error('the execution has not ended');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
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

const WRITE = `
WITH made AS (
  INSERT INTO executions (
    id, workflow_name, state, input, labels, requested_by, created_at, started_at, attempt, last_event_seq,
    checkpoint_seq, next_dispatch_at, due_at
  ) VALUES (
    gen_random_uuid(), 'bench_replay', 'SCHEDULED', to_json($1::int), '{}', 'bench', now(), now(), 1, $1::int + 2,
    1, now(), now()
  )
  RETURNING id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT made.id, event.seq, event.type, now(), 1, event.data
  FROM made, (
    SELECT 1 AS seq, 'execution_scheduled' AS type, '{}'::json AS data
    UNION ALL SELECT 2, 'execution_started', '{}'::json
    UNION ALL SELECT 3 + number, 'task_completed', json_build_object(
      'callId', 'bench_noop#' || number, 'name', 'bench_noop', 'output', number, 'tries', 1, 'startedAt', now(),
      'inCleanup', false)
    FROM generate_series(0, $1::int - 1) AS number
  ) AS event
)
SELECT id FROM made`;
