import type { Command, Program, Start } from './program.js';
import type { Script, Step } from './scripted-workflow.js';

const script = (steps: readonly Step[], others: Partial<Script> = {}): Script => {
  return { steps, end: 'returns', handler: false, cleanup: 'none', then: 'rethrows', ...others };
};
const start = (steps: readonly Step[], others?: Partial<Script>): Start => {
  return { do: 'start', script: script(steps, others) };
};
const busy: Step = { do: 'busy', obeys: false };
const task = (ms: number): Step => ({ do: 'task', ms, obeys: false });
const elapse = (ms: number): Command => ({ do: 'elapse', ms });
const thawed: readonly Command[] = [
  { do: 'thaw', place: 'worker 0' },
  { do: 'thaw', place: 'worker 1' },
];

/** Counterexamples of before, named after what was wrong. */
export const FIXED_PROGRAMS: Readonly<Record<string, Program>> = {
  'a cancel in an outage that was longer than its grace period ended without its cleanup': {
    picks: [],
    settled: true,
    commands: [
      start([busy], { cleanup: 'task' }),
      elapse(150),
      { do: 'kill', place: 'worker 0' },
      { do: 'kill', place: 'worker 1' },
      { do: 'cancel', of: 0, force: false, syncMs: null },
      elapse(1_500),
      { do: 'restart', place: 'worker 0' },
      elapse(4_000),
    ],
  },
  'a try began in a process that woke after its execution went to another': {
    picks: [0, 2, 0, 0],
    settled: false,
    commands: [
      start([{ do: 'flaky', ms: 1 }], { cleanup: 'task' }),
      elapse(17),
      { do: 'freeze', place: 'worker 0' },
      { do: 'freeze', place: 'worker 1' },
      elapse(4_600),
      ...thawed,
      { do: 'cancel', of: 0, force: true, syncMs: 1_026 },
    ],
  },
  'what had heard of its cancel, and was drained when all its calls were on record, COMPLETED elsewhere': {
    picks: [0, 1],
    settled: false,
    commands: [
      start([{ do: 'shielded', ms: 163 }], { handler: true }),
      { do: 'cancel later', of: 0, delayMs: 1 },
      elapse(1),
      { do: 'undo', of: 3 },
      { do: 'fail database', when: 'before', among: 'writes', skips: 7 },
      { do: 'cancel', of: 4, force: false, syncMs: null },
      start([{ do: 'both', ms: 92 }, { do: 'undoable', ms: 17 }, { do: 'pause' }], { cleanup: 'task' }),
      { do: 'close', place: 'worker 0' },
      elapse(1),
    ],
  },
  'a run that came twice ended among the dead letters while the answer to its claim was away': {
    picks: [],
    settled: false,
    commands: [
      start([busy]),
      elapse(1),
      { do: 'mishap', what: 'drop', to: 'reply' },
      { do: 'mishap', what: 'redeliver', to: 'run' },
      start([busy]),
      { do: 'mishap', what: 'drop', to: 'register' },
      { do: 'reset link', place: 'owner 1' },
      { do: 'mishap', what: 'drop', to: 'fence' },
      { do: 'mishap', what: 'delay', to: 'checkpoints', ms: 1000 },
      start([task(1)]),
      elapse(1),
      { do: 'cut link', place: 'owner 0', brokerMs: 1, processMs: 699 },
      elapse(4500),
    ],
  },
  'what a worker was granted at its second asking was given to another at the same time': {
    picks: [0, 0, 3],
    settled: false,
    commands: [
      start([{ do: 'undoable', ms: 10 }, busy]),
      elapse(148),
      { do: 'mishap', what: 'drop', to: 'child' },
      start([{ do: 'call', script: script([busy]), onParentCancel: 'wait' }]),
      elapse(390),
      { do: 'mishap', what: 'duplicate', to: 'checkpoints' },
      elapse(290),
      { do: 'mishap', what: 'drop', to: 'reply' },
      start([task(229), { do: 'both', ms: 78 }, busy], { handler: true }),
      { do: 'mishap', what: 'delay', to: 'checkpoints', ms: 2768 },
      elapse(219),
    ],
  },
  'what was granted when the lease was over, and was renewed a moment later, was RUNNING for ever': {
    picks: [0, 1, 1],
    settled: false,
    commands: [
      start([{ do: 'undoable', ms: 1 }]),
      { do: 'crash api', when: 'before', among: 'all', skips: 4 },
      { do: 'freeze', place: 'worker 0' },
      elapse(5310),
      ...thawed,
      elapse(690),
    ],
  },
  'a worker that came back, frozen while others got what it had, went on with it for a second after it was fenced':
    {
      picks: [],
      settled: false,
      commands: [
        start([busy]),
        elapse(30),
        { do: 'stall link', place: 'owner 0', ms: 771 },
        elapse(770),
        { do: 'freeze', place: 'owner 0' },
        elapse(4500),
        ...thawed,
        { do: 'freeze', place: 'owner 0' },
        elapse(823),
        ...thawed,
      ],
    },
  'a worker whose registration was never answered took an offer, and ran it without a lease': {
    picks: [],
    settled: false,
    commands: [
      start([task(1)]),
      elapse(1),
      { do: 'mishap', what: 'delay', to: 'checkpoints', ms: 1000 },
      start([busy]),
      elapse(1),
      { do: 'kill', place: 'owner 0' },
      elapse(4500),
      { do: 'restart', place: 'worker 0' },
      { do: 'restart', place: 'worker 1' },
      { do: 'mishap', what: 'drop', to: 'register' },
      { do: 'reset link', place: 'worker 0' },
      { do: 'mishap', what: 'drop', to: 'reply' },
      start([busy]),
      { do: 'mishap', what: 'drop', to: 'run' },
      start([task(1)]),
      { do: 'mishap', what: 'drop', to: 'offer' },
      { do: 'freeze', place: 'owner 0' },
      elapse(5500),
      ...thawed,
    ],
  },
};
