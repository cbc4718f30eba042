import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canInstall, installDebian, run, TestServerError } from '@flux/testing';

const MODEL = fileURLToPath(new URL('../../../docs/model/flux.pml', import.meta.url));
/** More than any path of the model is long; a search that comes to it is not whole, and fails. */
const DEEPEST = 100_000;
const MOST_MEGABYTES = 2_000;

export interface Check {
  /** Macros of the model. */
  readonly defines: readonly string[];
  /** Whether to explore, too, that every cancel ends however the steps are chosen. */
  readonly liveness?: boolean;
  /** The optimised program takes longer to compile and a fraction of the time to run. */
  readonly optimised?: boolean;
}

export interface Verdict {
  /** The number of states of the model, all of them unless something is violated. */
  readonly states: number;
  /** The first thing found that does not hold; `undefined`: everything holds in every state. */
  readonly violated: string | undefined;
}

/**
 * Makes sure of spin and a C compiler, from Debian's packages if need be.
 * @throws TestServerError when one is missing and this is not root on Debian, or apt fails.
 */
export async function ensureSpin(): Promise<void> {
  const missing = await Promise.all([absent('spin', '-V'), absent('gcc', '--version')]);
  if (!missing.includes(true)) return;
  const hint = 'Install them: apt-get install spin gcc libc6-dev (elsewhere from https://spinroot.com).';
  const need = 'The tests of the formal model need spin and gcc';
  if (!canInstall()) throw new TestServerError('TEST_SERVER_MISSING', `${need}.`, hint);
  await installDebian({ names: ['spin', 'gcc', 'libc6-dev'], need, hint });
}

async function absent(command: string, flag: string): Promise<boolean> {
  return run(command, [flag]).then(
    () => false,
    (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT',
  );
}

/**
 * Explores every state of the model, or as many as it takes to find one in which something does not hold.
 * @throws Error when the model is not legal, or its states were not all explored
 */
export async function explore({ defines, liveness = false, optimised = false }: Check): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'flux-model-'));
  const options = { cwd: folder, maxBuffer: 16 * 1024 * 1024 };
  try {
    const macros = [...defines, ...(liveness ? ['LIVENESS'] : [])].map((define) => `-D${define}`);
    await run('spin', [...macros, '-a', MODEL], options);
    const flags = ['-DCOLLAPSE', `-DMEMLIM=${MOST_MEGABYTES}`, ...(liveness ? [] : ['-DSAFETY'])];
    await run('gcc', [optimised ? '-Og' : '-O0', '-w', ...flags, '-o', 'pan', 'pan.c'], options);
    const { stdout } = await run('./pan', [`-m${DEEPEST}`, '-n', ...(liveness ? ['-a'] : [])], options);
    return verdictOf(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function verdictOf(output: string): Verdict {
  const errors = Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN);
  const states = Number(/^ *(\S+) states, stored/m.exec(output)?.[1] ?? Number.NaN);
  const [, violated] = /^pan:1: (.*) \(at depth \d+\)$/m.exec(output) ?? [];
  if (errors > 0 && violated !== undefined) return { states, violated };
  const whole = errors === 0 && !/too small|not completed|out of memory|reached/i.test(afterHeader(output));
  if (!whole) throw new Error(`the states were not all explored:\n${output}`);
  return { states, violated: undefined };
}

/** The output, without the line that tells how deep the search went. */
function afterHeader(output: string): string {
  return output.replace(/^State-vector .*$/m, '');
}
