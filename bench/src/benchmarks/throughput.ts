import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.js';
import { cpuFigures, CpuMeter } from '../cpu-meter.js';
import { Flux } from '../flux.js';
import { openLab, type Lab } from '../lab.js';
import { summarize } from '../stats.js';

const CONNECTIONS = 64;
const POLL_MS = 20;
const DRAIN_TIMEOUT_MS = 60_000;

/** The number of one-task executions finished per second while `inFlight` of them are always under way. */
export const throughput: Benchmark = async (options, defer) => {
  const lab = await openLab(defer);
  const { inFlight, seconds, warmupSeconds, profileDir } = options;
  const flux = await Flux.start(lab, { concurrency: 2 * inFlight, connections: CONNECTIONS, profileDir });
  const over = new AbortController();
  const meter = await CpuMeter.of(flux, lab);
  const running = load(flux, lab, inFlight, over.signal);
  await Promise.race([sleep(warmupSeconds * 1000), running]);
  const from = Date.now();
  const before = await meter.read();
  await Promise.race([sleep(seconds * 1000), running]);
  const after = await meter.read();
  const to = Date.now();
  over.abort();
  const started = await running;
  await allCompleted(lab, started);
  const took = await timesOf(lab, from, to);
  const measured = (to - from) / 1000;
  const busy = (after['whole machine'] ?? 0) - (before['whole machine'] ?? 0);
  return {
    latencies: { 'created → finished': summarize(took) },
    values: {
      'executions per second': took.length / measured,
      'executions measured': took.length,
      'seconds measured': measured,
      'in flight': inFlight,
      ...cpuFigures('execution', took.length, before, after),
      [`CPUs busy on this machine, of ${cpus().length}`]: busy / measured,
    },
  };
};

/**
 * Starts executions so that as many as wanted are always under way, until `signal` aborts. Resolves then with the
 * number started; rejects when one cannot be started.
 */
async function load(flux: Flux, lab: Lab, inFlight: number, signal: AbortSignal): Promise<number> {
  let [started, unanswered] = [0, 0];
  const failures: unknown[] = [];
  let since = new Date();
  while (!signal.aborted && failures.length === 0) {
    const { count, oldest } = await readUnfinished(lab, since);
    since = oldest ?? since;
    const free = inFlight - unanswered - count;
    for (let slot = 0; slot < free; slot += 1) {
      unanswered += 1;
      started += 1;
      flux
        .startExecution('bench_one_task', started)
        .catch((error: unknown) => failures.push(error))
        .finally(() => (unanswered -= 1));
    }
    await sleep(POLL_MS);
  }
  while (unanswered > 0) await sleep(POLL_MS);
  if (failures.length > 0) throw new AggregateError(failures, `starting failed: ${String(failures[0])}`);
  return started;
}

/**
 * How many executions are not finished. Asked of the database, by the index of state and time: the least load of all
 * ways to know. `since`: what was created a second before that is known to be finished.
 */
async function readUnfinished(lab: Lab, since: Date): Promise<{ count: number; oldest: Date | null }> {
  const [unfinished] = await lab.query<{ count: number; oldest: Date | null }>(
    `SELECT count(*)::int AS count, min(created_at) AS oldest FROM executions
      WHERE state IN ('SCHEDULED', 'RUNNING') AND created_at >= $1::timestamptz - interval '1 second'`,
    [since],
  );
  return unfinished ?? { count: 0, oldest: null };
}

/** Resolves when each of `started` executions is COMPLETED; rejects when one is not, or ended otherwise. */
async function allCompleted(lab: Lab, started: number): Promise<void> {
  const deadline = Date.now() + DRAIN_TIMEOUT_MS;
  const all = new Date(0);
  while ((await readUnfinished(lab, all)).count > 0 && Date.now() < deadline) await sleep(10 * POLL_MS);
  const states = await lab.query<{ state: string; count: number }>(
    'SELECT state, count(*)::int AS count FROM executions GROUP BY state',
  );
  const [only, ...others] = states;
  if (only?.state === 'COMPLETED' && only.count === started && others.length === 0) return;
  throw new Error(`${started} executions were started, and they are: ${JSON.stringify(states)}`);
}

/** Milliseconds from creation to end of each execution that ended in the span of epoch milliseconds. */
async function timesOf(lab: Lab, from: number, to: number): Promise<number[]> {
  const rows = await lab.query<{ took: number }>(
    `SELECT extract(epoch FROM finished_at - created_at)::float8 * 1000 AS took FROM executions
      WHERE finished_at >= to_timestamp($1::float8 / 1000) AND finished_at < to_timestamp($2::float8 / 1000)`,
    [from, to],
  );
  return rows.map(({ took }) => took);
}
