import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run } from '@flux/testing';
import type { Counterexample, Report, Request } from './report.js';
import { Tally } from './tally.js';

const PLAY = fileURLToPath(new URL('../../dist/model/play-process.js', import.meta.url));
const MOST_OUTPUT = 256 * 1024 * 1024;
/** Seeds of processes are this far apart. */
const SEED_STEP = 1_000_003;

/** A report of several processes, and what each one's seed was where it failed. */
export interface Spread extends Report {
  readonly seconds: number;
  readonly counterexamples: ReadonlyArray<Counterexample & { readonly seed: number }>;
}

/** Plays in as many processes as there are cores, each with a seed of its own. */
export async function spread(request: Request, processes = availableParallelism()): Promise<Spread> {
  const startedAt = performance.now();
  const shares = Array.from({ length: request.path === undefined ? processes : 1 }, (_, index) => ({
    ...request,
    seed: request.seed + index * SEED_STEP,
    programs: share(request.programs, processes, index),
    fixed: index === 0 ? (request.fixed ?? {}) : {},
  }));
  const reports = await Promise.all(
    shares.map(async (each) => {
      const args = ['--enable-source-maps', PLAY, JSON.stringify(each)];
      const { stdout } = await run(process.execPath, args, { maxBuffer: MOST_OUTPUT });
      return { ...(JSON.parse(stdout) as Report), seed: each.seed };
    }),
  );
  const tally = new Tally();
  for (const report of reports) tally.addAll(report.tally);
  const sum = (of: (report: Report) => number): number =>
    reports.reduce((total, each) => total + of(each), 0);
  return {
    seconds: (performance.now() - startedAt) / 1_000,
    programs: sum((report) => report.programs),
    cpuSeconds: sum((report) => report.cpuSeconds),
    virtualSeconds: sum((report) => report.virtualSeconds),
    tally: tally.toJSON(),
    counterexamples: reports.flatMap(({ seed, counterexamples }) =>
      counterexamples.map((counterexample) => ({ ...counterexample, seed })),
    ),
  };
}

function share(all: number, processes: number, index: number): number {
  return Math.floor(all / processes) + (index < all % processes ? 1 : 0);
}

/** A counterexample as somebody needs it who is to mend it, with a test to keep. */
export function describe({
  name,
  seed,
  path,
  program,
  faults,
  story,
}: Spread['counterexamples'][number]): string {
  const played = path === undefined ? `the fixed program '${name ?? ''}'` : `seed ${seed}, path ${path}`;
  const again = `FLUX_MODEL_SEED=${seed} FLUX_MODEL_PATH=${path ?? ''}`;
  return [
    `${played}:`,
    ...faults.map((fault) => `  ✗ ${fault}`),
    'what happened:',
    ...story.map((line) => `  ${line}`),
    ...(path === undefined
      ? []
      : [`again: ${again}`, 'as a fixed test, in tests/src/model/fixed-programs.ts:']),
    `  '${name ?? 'name the failure here'}': ${JSON.stringify(program)},`,
  ].join('\n');
}
