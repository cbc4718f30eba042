import { familyMiB, residentMiB, until } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { summarize } from '../stats.js';

const DEFAULT_COUNT = 100_000;
const PROBES = 1_000;
const NAP_MS = 8_000;
const CONNECTIONS = 64;
const LIMIT_MS = 60_000;

/**
 * Measures how late sleeps end while `count` executions sleep, and what those cost. The many are written to the
 * database as parking leaves them, events included: only they sleep on. What is measured, 1,000 executions that sleep
 * for 8 s, is started, parked and woken by Flux itself.
 */
export const sleepers: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  const flux = await Flux.start(lab, { concurrency: 100, connections: CONNECTIONS, profileDir });
  const [apiIdle, workerIdle] = [await residentMiB(flux.api.pid), await familyMiB(flux.worker.pid)];
  await writeSleepers(lab, count);
  await flux.startMany(PROBES, 'bench_sleeper', NAP_MS);
  await untilCompleted(lab);
  const [api, worker] = [await residentMiB(flux.api.pid), await familyMiB(flux.worker.pid)];
  const late = await lab.query<{ woken: number; running: number }>(LATENESS, []);
  return {
    latencies: {
      'due → woken': summarize(late.map(({ woken }) => woken)),
      'due → claimed by a worker': summarize(late.map(({ running }) => running)),
    },
    values: {
      'executions asleep': count,
      'executions measured': late.length,
      'api, idle (MiB resident)': apiIdle.now,
      'api, after (MiB resident)': api.now,
      'worker, idle (MiB, all its processes)': workerIdle.taken,
      'worker, after (MiB, all its processes)': worker.taken,
    },
  };
};

/** Milliseconds from the moment each sleep was due to what followed. */
const LATENESS = `
SELECT
  (extract(epoch FROM woken.at - due.at) * 1000)::float8 AS woken,
  (extract(epoch FROM started.at - due.at) * 1000)::float8 AS running
FROM executions e
CROSS JOIN LATERAL (
  SELECT (data->>'dueAt')::timestamptz AS at FROM execution_events
  WHERE execution_id = e.id AND type = 'execution_sleeping' LIMIT 1
) due
JOIN execution_events woken ON woken.execution_id = e.id AND woken.type = 'execution_woken'
JOIN execution_events started ON started.execution_id = e.id AND started.seq = woken.seq + 1
WHERE e.workflow_name = 'bench_sleeper' AND e.state = 'COMPLETED'`;

async function writeSleepers(lab: Lab, count: number): Promise<void> {
  await lab.query(
    `WITH made AS (
      INSERT INTO executions (
        id, workflow_name, state, input, labels, requested_by, created_at, started_at, attempt, last_event_seq,
        checkpoint_seq, parking, due_at
      )
      SELECT gen_random_uuid(), 'bench_sleeper', 'SLEEPING', '3600000', '{}', 'bench', now(), now(), 1, 4, 1,
        json_build_object(
          'parked', json_build_object('kind', 'sleep', 'callId', '$sleep#0', 'name', null,
            'dueAt', floor(extract(epoch FROM now()) * 1000) + 3600000),
          'pauseAsked', false, 'kept', json_build_array()),
        now() + interval '1 hour'
      FROM generate_series(1, $1)
      RETURNING id
    )
    INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
    SELECT made.id, event.seq, event.type, now(), 1, '{}'
    FROM made, (VALUES
      (1, 'execution_scheduled'), (2, 'execution_started'), (3, 'timer_started'), (4, 'execution_sleeping')
    ) AS event (seq, type)`,
    [count],
  );
}

async function untilCompleted(lab: Lab): Promise<void> {
  const allDone = async (): Promise<boolean> => {
    const [row] = await lab.query<{ count: number }>(
      "SELECT count(*)::int FROM executions WHERE workflow_name = 'bench_sleeper' AND state = 'COMPLETED'",
    );
    return row?.count === PROBES;
  };
  await until(`${PROBES} executions to end`, allDone, LIMIT_MS, 250);
}
