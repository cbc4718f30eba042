import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.js';
import { Flux, isWaiting } from '../flux.js';
import { openLab } from '../lab.js';
import { residentMiB } from '../processes.js';

const DEFAULT_COUNT = 500;
const CONNECTIONS = 32;
const SETTLE_MS = 3_000;

/** The memory of one worker that holds many executions, each of which waits. */
export const waiting: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  const flux = await Flux.start(lab, { concurrency: count, connections: CONNECTIONS, profileDir });
  const idle = await residentMiB(flux.worker.pid);
  const executions = await Promise.all(
    Array.from({ length: count }, () => flux.startExecution('bench_wait')),
  );
  for (const execution of executions) await flux.waitFor(execution, isWaiting);
  await sleep(SETTLE_MS);
  const holding = await residentMiB(flux.worker.pid);
  return {
    latencies: {},
    values: {
      'executions held': count,
      'worker, idle (MiB resident)': idle.now,
      'worker, holding them (MiB resident)': holding.now,
      'worker, highest (MiB resident)': holding.peak,
    },
  };
};
