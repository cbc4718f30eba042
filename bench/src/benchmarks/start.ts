import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.js';
import { Floor } from '../floor/floor.js';
import { Flux } from '../flux.js';
import { openLab } from '../lab.js';
import { monotonicMs, summarize } from '../stats.js';
import { oneAtATime, takeTurns } from '../turns.js';

const DEFAULT_COUNT = 200;
const WARM_UP = 100;
// A wait long enough that the body has begun before anybody asks about it, and asking does not slow it down.
const QUIET_MS = 25;

/** The time from sending `POST …/executions` to the first line of the body, one execution at a time. */
export const start: Benchmark = async ({ count = DEFAULT_COUNT, rounds, profileDir }, defer) => {
  const lab = await openLab(defer);
  const floor = await Floor.start(lab);
  const flux = await Flux.start(lab, { concurrency: 100, connections: 1, profileDir });
  const answered: number[] = [];
  const sample = async (): Promise<number> => {
    const sent = monotonicMs();
    const execution = await flux.startExecution('bench_first_line');
    answered.push(monotonicMs() - sent);
    await sleep(QUIET_MS);
    const { output } = await flux.waitFor(execution, ({ state }) => state === 'COMPLETED');
    return Number(output) - sent;
  };
  const perRound = Math.ceil(count / rounds);
  await floor.measure(WARM_UP);
  await oneAtATime(WARM_UP, sample);
  answered.length = 0;
  const turns = await takeTurns(
    'start',
    rounds,
    () => floor.measure(perRound),
    () => oneAtATime(perRound, sample),
  );
  return {
    latencies: {
      floor: summarize(turns.floor),
      'start: request sent → first line': summarize(turns.flux),
      'start: request sent → answered': summarize(answered),
    },
    values: turns.ratios,
  };
};
