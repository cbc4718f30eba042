import { expect, it } from '@jest/globals';
import { chaos } from './chaos/chaos.js';

/** A slice of `npm run test:chaos`, which breaks the servers too and goes on for ten minutes. */
const SEED = Number(process.env.FLUX_CHAOS_SEED ?? Date.now() % 1_000_000_000);
const SECONDS = 6;

it('whatever dies, no cancel is lost, stuck or late, and whatever had begun is cleaned up', async () => {
  const told = [`seed ${SEED}`];
  const figures = await chaos({
    seed: SEED,
    seconds: SECONDS,
    isStarved: true,
    log: (line) => told.push(line),
  });
  process.stderr.write(`flux chaos: ${told.join('; ')}\n`);
  expect(figures.filter(({ value }) => value > 0)).toEqual([]);
}, 120_000);
