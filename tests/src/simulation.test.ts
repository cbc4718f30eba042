import { expect, it } from '@jest/globals';
import { FIXED_PROGRAMS } from './model/fixed-programs.js';
import { MUTANTS } from './model/mutants.js';
import { describe as tell, spread } from './model/spread.js';

/** `pnpm test:model` plays more, from another seed each time. */
const WHOLE = process.env.FLUX_MODEL === 'whole';
const PROGRAMS = Number(process.env.FLUX_MODEL_PROGRAMS ?? (WHOLE ? 20_000 : 500));
const SEED = Number(process.env.FLUX_MODEL_SEED ?? (WHOLE ? Date.now() % 1_000_000_000 : 1));
/** Of a counterexample, as its report names it. */
const PATH = process.env.FLUX_MODEL_PATH;
const LIMIT_MS = WHOLE ? 3_600_000 : 300_000;

it(
  `${PROGRAMS} random programs of callers and faults, simulated, keep every promise`,
  async () => {
    const report = await spread({
      programs: PROGRAMS,
      seed: SEED,
      fixed: FIXED_PROGRAMS,
      ...(PATH !== undefined && { path: PATH }),
    });
    const { programs, seconds, cpuSeconds, tally, counterexamples } = report;
    const pace = `${(programs / seconds).toFixed(0)} a second, ${((cpuSeconds / programs) * 1_000).toFixed(1)} ms of CPU each`;
    process.stderr.write(`flux simulation: ${programs} programs from seed ${SEED}, ${pace}\n`);
    process.stderr.write(`${JSON.stringify(tally, null, WHOLE ? 2 : 0)}\n`);
    expect(counterexamples.map(tell)).toEqual([]);
    if (PATH !== undefined) return;
    expect(programs).toBe(PROGRAMS + Object.keys(FIXED_PROGRAMS).length);
    // Nobody may think that cancels, faults or take-overs never came.
    for (const what of [
      'answer: cancel CANCELLING',
      'answer: sync cancel CANCELLED',
      'event: cancel_delivered',
      'event: worker_lost',
      'cleanup: succeeded',
      'executions that were taken over',
      'mishap: drop reply',
      'mishap: duplicate checkpoints',
      'mishap: redeliver run',
    ]) {
      expect([what, (tally[what] ?? 0) > 0]).toEqual([what, true]);
    }
  },
  LIMIT_MS,
);

// In `npm test` one that is found within a dozen programs.
const QUICK = ['CANCELLED is answered before the cleanup has run'];

it.each(WHOLE ? Object.keys(MUTANTS) : QUICK)(
  'random programs find a Flux in which %s',
  async (mutant) => {
    const { counterexamples } = await spread({
      programs: WHOLE ? 1_200 : 60,
      seed: 1,
      mutant,
      mostShrinks: 0,
    });
    expect(counterexamples.length).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
