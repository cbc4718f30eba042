import { beforeAll, describe, expect, it } from '@jest/globals';
import { ensureSpin, explore, type Check, type Verdict } from './support/spin.js';

/** `pnpm test:model` adds what bodies, callers and the broker may do beyond the core, and that every cancel ends. */
const WHOLE = process.env.FLUX_MODEL === 'whole';

/** Seconds on a machine of its own; a shared one may be slow. */
const LIMIT_MS = WHOLE ? 1_800_000 : 360_000;

/** The moves of bodies, callers and the broker beyond the core; README.md tells of each. */
const EVERYTHING = ['RECORDS=1', 'FAILURES', 'LATE_REQUESTS', 'OVERTAKING', 'HAND_BACKS', 'KEEP_LATE'];

const CHECKS: Record<string, Check> = WHOLE
  ? {
      'two executions, three faults': { defines: ['EXECUTIONS=2', 'FAULTS=3'], optimised: true },
      'two executions, two faults, late checkpoints too': {
        defines: ['EXECUTIONS=2', 'FAULTS=2', 'KEEP_LATE'],
        optimised: true,
      },
      'two executions, three faults, every cancel ends': {
        defines: ['EXECUTIONS=2', 'FAULTS=3'],
        liveness: true,
        optimised: true,
      },
      'one execution that parks, three faults': {
        defines: ['EXECUTIONS=1', 'FAULTS=3', 'PARKING=2'],
        optimised: true,
      },
      'one execution with everything but parking, three faults': {
        defines: ['EXECUTIONS=1', 'FAULTS=3', ...EVERYTHING],
        optimised: true,
      },
      'one execution with everything, two faults, every cancel ends': {
        defines: ['EXECUTIONS=1', 'FAULTS=2', 'PARKING=2', ...EVERYTHING],
        liveness: true,
        optimised: true,
      },
    }
  : {
      'two executions, three faults': { defines: ['EXECUTIONS=2', 'FAULTS=3'], optimised: true },
      'one execution that parks, two faults': {
        defines: ['EXECUTIONS=1', 'FAULTS=2', 'PARKING=2', 'KEEP_LATE'],
      },
      'one execution that parks, two faults, every cancel ends': {
        defines: ['EXECUTIONS=1', 'FAULTS=2', 'PARKING=1'],
        liveness: true,
      },
    };

/** The protocol without one of its rules, and what has to be found then. */
const MUTANTS = {
  MUTANT_NO_FENCE: 'isPresent',
  MUTANT_UNGUARDED_CLAIM: 'state>=5',
  MUTANT_FINALISES_WITHOUT_WAITING: 'to!=7',
  MUTANT_GRACE_FROM_REQUEST: 'claimed',
  MUTANT_NO_HAND_OVER_RULE: 'to!=7',
  MUTANT_COMPLETION_WINS: 'signalled',
  MUTANT_NO_RESEND: 'row[0].state==0',
};

/** Explores the model under two checks at a time, as many as the smallest machine has cores. */
function inTwoLanes(checks: ReadonlyArray<readonly [string, Check]>): Map<string, Promise<Verdict>> {
  const lanes: Promise<unknown>[] = [ensureSpin(), ensureSpin()];
  return new Map(
    checks.map(([name, check], index) => {
      const verdict = (lanes[index % 2] as Promise<unknown>).then(() => explore(check));
      lanes[index % 2] = verdict.catch(() => undefined);
      verdict.catch(() => undefined);
      return [name, verdict];
    }),
  );
}

describe('the formal model', () => {
  let verdicts = new Map<string, Promise<Verdict>>();
  const mutants = Object.keys(MUTANTS).map((name) => {
    return [name, { defines: ['EXECUTIONS=1', 'FAULTS=2', 'KEEP_LATE', name] }] as const;
  });

  beforeAll(async () => {
    await ensureSpin();
    verdicts = inTwoLanes([...Object.entries(CHECKS), ...mutants]);
  }, LIMIT_MS);

  it.each(Object.keys(CHECKS))(
    'holds in every state: %s',
    async (name) => {
      const verdict = await verdicts.get(name);
      expect(verdict).toEqual({ states: expect.any(Number), violated: undefined });
      process.stderr.write(`flux model: ${name}: ${String(verdict?.states)} states\n`);
    },
    LIMIT_MS,
  );

  it.each(Object.entries(MUTANTS))(
    'notices what %s does',
    async (name, violation) => {
      expect((await verdicts.get(name))?.violated).toContain(violation);
    },
    LIMIT_MS,
  );
});
