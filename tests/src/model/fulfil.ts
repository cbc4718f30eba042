import fc from 'fast-check';
import { programs } from './arbitraries.js';
import { MUTANTS } from './mutants.js';
import { play, type Outcome } from './player.js';
import type { Program } from './program.js';
import type { Counterexample, Report, Request } from './report.js';
import { Tally } from './tally.js';
import type { World } from './world.js';

const MOST_SHRINKS = 400;
/** The number of programs that are played twice, and have to be the same run. */
const PLAYED_TWICE = 10;

type InWorld = <T>(work: (world: World) => Promise<T>) => Promise<T>;

/** Plays what is asked for, until the first random program that something is wrong about, which is then simplified. */
export async function fulfil(inWorld: InWorld, request: Request): Promise<Report> {
  const before = process.cpuUsage();
  const mutant = request.mutant === undefined ? undefined : MUTANTS[request.mutant];
  const tally = new Tally();
  let played = 0;
  let virtualMs = 0;
  const count = (outcome: Outcome): void => {
    played += 1;
    virtualMs += outcome.virtualMs;
    tally.addAll(outcome.tally.toJSON());
  };
  const rejections = watchRejections();
  const playOne = async (program: Program): Promise<Outcome> => {
    const outcome = await inWorld((world) => play(world, program, mutant));
    return { ...outcome, faults: [...outcome.faults, ...(await rejections())] };
  };
  const counterexamples: Counterexample[] = [];
  for (const [name, program] of Object.entries(request.fixed ?? {})) {
    const outcome = await playOne(program);
    count(outcome);
    if (outcome.faults.length > 0) counterexamples.push({ name, program, ...pick(outcome) });
  }
  if (request.programs > 0) counterexamples.push(...(await search(request, playOne, count)));
  const { user, system } = process.cpuUsage(before);
  return {
    programs: played,
    cpuSeconds: (user + system) / 1e6,
    virtualSeconds: virtualMs / 1_000,
    tally: tally.toJSON(),
    counterexamples,
  };
}

async function search(
  { seed, path, programs: numRuns, mostShrinks = MOST_SHRINKS }: Request,
  playOne: (program: Program) => Promise<Outcome>,
  count: (outcome: Outcome) => void,
): Promise<Counterexample[]> {
  let failures = 0;
  let shrinks = 0;
  let playedTwice = 0;
  const differs = async (program: Program, { story }: Outcome): Promise<string | undefined> => {
    if (failures > 0 || (playedTwice += 1) > PLAYED_TWICE) return undefined;
    const again = await playOne(program);
    return again.story.join() === story.join() ? undefined : 'played again it was another run';
  };
  const property = fc.asyncProperty(programs, async (program) => {
    if (failures > 0 && (shrinks += 1) > mostShrinks) return;
    const outcome = await playOne(program);
    if (failures === 0) count(outcome);
    const [fault = await differs(program, outcome)] = outcome.faults;
    if (fault === undefined) return;
    failures += 1;
    throw new Error(fault);
  });
  const details = await fc.check(property, { seed, numRuns, ...(path !== undefined && { path }) });
  const [program] = details.counterexample ?? [];
  if (!program) return [];
  return [{ program, path: details.counterexamplePath ?? '', ...pick(await playOne(program)) }];
}

function pick({ faults, story }: Outcome): Pick<Counterexample, 'faults' | 'story'> {
  return { faults, story };
}

/** A rejection that nobody handles ends a process. Resolves with those since it was asked last. */
function watchRejections(): () => Promise<string[]> {
  const seen: string[] = [];
  process.on('unhandledRejection', (reason) => {
    seen.push(
      `nobody handled a rejection: ${reason instanceof Error ? (reason.stack ?? '') : String(reason)}`,
    );
  });
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return seen.splice(0);
  };
}
