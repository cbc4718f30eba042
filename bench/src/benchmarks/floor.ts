import type { Benchmark } from '../benchmark.js';
import { Floor } from '../floor/floor.js';
import { openLab } from '../lab.js';
import { monotonicMs, summarize } from '../stats.js';

const DEFAULT_COUNT = 500;

/** The floor alone: one round trip at a time, then many in flight. */
export const floor: Benchmark = async ({ count = DEFAULT_COUNT, inFlight }, defer) => {
  const script = await Floor.start(await openLab(defer));
  const single = await script.measure(count);
  const total = 10 * inFlight;
  await script.measure(total, inFlight);
  const start = monotonicMs();
  const parallel = await script.measure(total, inFlight);
  const seconds = (monotonicMs() - start) / 1000;
  return {
    latencies: {
      'floor, one at a time': summarize(single),
      [`floor, ${inFlight} in flight`]: summarize(parallel),
    },
    values: { [`floor round trips per second, ${inFlight} in flight`]: total / seconds },
  };
};
