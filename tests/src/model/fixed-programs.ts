import type { Program } from './program.js';

const calm = { end: 'returns', handler: false, cleanup: 'task', then: 'rethrows' } as const;

/** Counterexamples of before, named after what was wrong. */
export const FIXED_PROGRAMS: Readonly<Record<string, Program>> = {
  'a try began in a process that woke after its execution went to another': {
    picks: [0, 2, 0, 0],
    settled: false,
    commands: [
      { do: 'start', script: { ...calm, steps: [{ do: 'flaky', ms: 1 }] } },
      { do: 'elapse', ms: 17 },
      { do: 'freeze', place: 'worker 0' },
      { do: 'freeze', place: 'worker 1' },
      { do: 'elapse', ms: 4_600 },
      { do: 'thaw', place: 'worker 0' },
      { do: 'thaw', place: 'worker 1' },
      { do: 'cancel', of: 0, force: true, syncMs: 1_026 },
    ],
  },
};
