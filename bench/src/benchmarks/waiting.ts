import { setTimeout as sleep } from 'node:timers/promises';
import { familyMiB } from '@flux/testing';
import type { Benchmark } from '../benchmark.js';
import { Flux } from '../flux.js';
import { openLab } from '../lab.js';

const DEFAULT_COUNT = 500;
const CONNECTIONS = 32;
const SETTLE_MS = 3_000;

/** The memory of one worker, in all its processes, that holds many executions, each of which waits. */
export const waiting: Benchmark = async ({ count = DEFAULT_COUNT, profileDir }, defer) => {
  const lab = await openLab(defer);
  const flux = await Flux.start(lab, { concurrency: count, connections: CONNECTIONS, profileDir });
  await sleep(SETTLE_MS);
  const idle = await familyMiB(flux.worker.pid);
  await flux.startWaiting(count);
  await sleep(SETTLE_MS);
  const holding = await familyMiB(flux.worker.pid);
  return {
    latencies: {},
    values: {
      'executions held': count,
      'processes of the worker': holding.processes,
      'worker, idle (MiB, shared pages once)': idle.taken,
      'worker, idle (MiB resident, summed)': idle.resident,
      'worker, holding them (MiB, shared pages once)': holding.taken,
      'worker, holding them (MiB resident, summed)': holding.resident,
    },
  };
};
