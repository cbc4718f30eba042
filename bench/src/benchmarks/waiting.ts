import { setTimeout as sleep } from 'node:timers/promises';
import { residentMiB } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab } from '../lab.js';

const DEFAULT_COUNT = 500;
const CONNECTIONS = 32;
const SETTLE_MS = 3_000;

/** The memory of one worker that holds many executions, each of which waits. */
export const waiting: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  const flux = await Flux.start(lab, { concurrency: count, connections: CONNECTIONS, profileDir });
  const idle = await residentMiB(flux.worker.pid);
  await flux.startWaiting(count);
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
