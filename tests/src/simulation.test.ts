import { expect, it } from '@jest/globals';
import { availableParallelism } from 'node:os';
import { FIXED_PROGRAMS } from './model/fixed-programs.js';
import { EVERYTHING } from './model/kinds.js';
import { MUTANTS } from './model/mutants.js';
import { describe as tell, spread } from './model/spread.js';

/** `pnpm test:model` plays more, from another seed each time. */
const WHOLE = process.env.FLUX_MODEL === 'whole';
const PROGRAMS = Number(process.env.FLUX_MODEL_PROGRAMS ?? (WHOLE ? 20_000 : 500));
const SEED = Number(process.env.FLUX_MODEL_SEED ?? (WHOLE ? Date.now() % 1_000_000_000 : 1));
/** The path to a counterexample, as its report names it. */
const PATH = process.env.FLUX_MODEL_PATH;
/** The number of processes is fixed for `npm test`, so that the same programs are played wherever the tests run. */
const PROCESSES = WHOLE ? availableParallelism() : 2;
/** The number of programs that together do everything that programs can do. */
const ENOUGH = 500;
const LIMIT_MS = WHOLE ? 3_600_000 : 300_000;

it(
  `${PROGRAMS} random programs of callers and faults, simulated, keep every promise`,
  async () => {
    const request = { programs: PROGRAMS, seed: SEED, fixed: FIXED_PROGRAMS };
    const report = await spread({ ...request, ...(PATH !== undefined && { path: PATH }) }, PROCESSES);
    const { programs, seconds, cpuSeconds, tally, counterexamples } = report;
    const pace = `${(programs / seconds).toFixed(0)} a second, ${((cpuSeconds / programs) * 1_000).toFixed(1)} ms of CPU each`;
    process.stderr.write(`flux simulation: ${programs} programs from seed ${SEED}, ${pace}\n`);
    process.stderr.write(`${JSON.stringify(tally, null, WHOLE ? 2 : 0)}\n`);
    expect(counterexamples.map(tell)).toEqual([]);
    if (PATH !== undefined) return;
    expect(programs).toBe(PROGRAMS + Object.keys(FIXED_PROGRAMS).length);
    if (PROGRAMS < ENOUGH) return;
    // Every command and fault, and what comes of them, must have come.
    const outcomes = [
      'answer: cancel CANCELLING',
      'answer: sync cancel CANCELLED',
      'event: cancel_delivered',
      'event: cancel_undone',
      'event: worker_lost',
      'cleanup: succeeded',
      'cleanup: timed_out',
      'cleanup: not_run',
      'executions that were taken over',
      'cancels that were taken from a silent owner',
    ];
    expect([...EVERYTHING, ...outcomes].filter((what) => (tally[what] ?? 0) === 0)).toEqual([]);
  },
  LIMIT_MS,
);

// `npm test` has some faulty Fluxes that are found within a dozen programs.
const QUICK = [
  'CANCELLED is answered before the cleanup has run',
  'a duplicate of a checkpoint is applied again',
  'the deadline of a cleanup is not kept',
];

it.each(WHOLE ? Object.keys(MUTANTS) : QUICK)(
  'random programs find a Flux in which %s',
  async (mutant) => {
    const request = { programs: WHOLE ? 1_200 : 60, seed: 1, mutant, mostShrinks: 0 };
    const { counterexamples } = await spread(request, WHOLE ? PROCESSES : 1);
    expect(counterexamples.length).toBeGreaterThan(0);
  },
  LIMIT_MS,
);
