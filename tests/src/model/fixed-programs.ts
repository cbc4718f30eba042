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
  'what had heard of its cancel, and was drained when all its calls were on record, COMPLETED elsewhere': {
    picks: [0, 1],
    settled: false,
    commands: [
      {
        do: 'start',
        script: {
          steps: [{ do: 'shielded', ms: 163 }],
          end: 'returns',
          handler: true,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'cancel later', of: 0, delayMs: 1 },
      { do: 'elapse', ms: 1 },
      { do: 'undo', of: 3 },
      { do: 'fail database', when: 'before', among: 'writes', skips: 7 },
      { do: 'cancel', of: 4, force: false, syncMs: null },
      {
        do: 'start',
        script: {
          steps: [{ do: 'both', ms: 92 }, { do: 'undoable', ms: 17 }, { do: 'pause' }],
          end: 'returns',
          handler: false,
          cleanup: 'task',
          then: 'rethrows',
        },
      },
      { do: 'close', place: 'worker 0' },
      { do: 'elapse', ms: 1 },
    ],
  },
  'a run that came twice ended among the dead letters while the answer to its claim was away': {
    picks: [],
    settled: false,
    commands: [
      {
        do: 'start',
        script: {
          steps: [{ do: 'busy', obeys: false }],
          end: 'returns',
          handler: false,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'elapse', ms: 1 },
      { do: 'mishap', what: 'drop', to: 'reply' },
      { do: 'mishap', what: 'redeliver', to: 'run' },
      {
        do: 'start',
        script: {
          steps: [{ do: 'busy', obeys: false }],
          end: 'returns',
          handler: false,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'mishap', what: 'drop', to: 'register' },
      { do: 'reset link', place: 'owner 1' },
      { do: 'mishap', what: 'drop', to: 'fence' },
      { do: 'mishap', what: 'delay', to: 'checkpoints', ms: 1000 },
      {
        do: 'start',
        script: {
          steps: [{ do: 'task', ms: 1, obeys: false }],
          end: 'returns',
          handler: false,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'elapse', ms: 1 },
      { do: 'cut link', place: 'owner 0', brokerMs: 1, processMs: 699 },
      { do: 'elapse', ms: 4500 },
    ],
  },
  'what a worker was granted at its second asking was given to another at the same time': {
    picks: [0, 0, 3],
    settled: false,
    commands: [
      {
        do: 'start',
        script: {
          steps: [
            { do: 'undoable', ms: 10 },
            { do: 'busy', obeys: false },
          ],
          end: 'returns',
          handler: false,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'elapse', ms: 148 },
      { do: 'mishap', what: 'drop', to: 'child' },
      {
        do: 'start',
        script: {
          steps: [
            {
              do: 'call',
              script: {
                steps: [{ do: 'busy', obeys: false }],
                end: 'returns',
                handler: false,
                cleanup: 'none',
                then: 'rethrows',
              },
              onParentCancel: 'wait',
            },
          ],
          end: 'returns',
          handler: false,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'elapse', ms: 390 },
      { do: 'mishap', what: 'duplicate', to: 'checkpoints' },
      { do: 'elapse', ms: 290 },
      { do: 'mishap', what: 'drop', to: 'reply' },
      {
        do: 'start',
        script: {
          steps: [
            { do: 'task', ms: 229, obeys: false },
            { do: 'both', ms: 78 },
            { do: 'busy', obeys: false },
          ],
          end: 'returns',
          handler: true,
          cleanup: 'none',
          then: 'rethrows',
        },
      },
      { do: 'mishap', what: 'delay', to: 'checkpoints', ms: 2768 },
      { do: 'elapse', ms: 219 },
    ],
  },
};
