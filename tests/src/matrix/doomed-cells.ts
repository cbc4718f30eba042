import {
  BEGUN,
  CLEANED,
  LIVE_BOUND_MS,
  LOSS_BOUND_MS,
  RESUMED,
  UNWOUND,
  childStands,
  inCleanup,
  marked,
  type Cell,
  type Doomed,
} from './cell.js';
import type { Play } from './play.js';

/**
 * The place where an execution stood when its worker came to grief, and the steps that its code does then where it
 * was, and elsewhere.
 */
interface Moment extends Pick<Cell, 'name' | 'moment' | 'cleanupWaits' | 'reach'> {
  /** The event that the execution waits for. */
  readonly gate?: 'go' | 'tidy';
  /** The steps up to the moment. */
  readonly before: readonly string[];
  /** The steps after the moment, where the execution was. */
  readonly here: readonly string[];
  /** The steps after the moment, where another attempt runs the cleanup. */
  readonly elsewhere: readonly string[];
}

/** An execution that has done `begun` at the moment, and `aborts` when it hears of the cancel. */
const standing = (
  moment: string,
  begun: readonly string[],
  aborts: readonly string[] = [],
  parts: Partial<Moment> = {},
): Moment => ({
  name: moment,
  moment,
  reach: marked(...begun),
  before: [...BEGUN, ...begun],
  here: [...aborts, ...UNWOUND],
  elsewhere: UNWOUND,
  ...parts,
});

const MOMENTS: readonly Moment[] = [
  standing('in a task', ['task begins'], ['task aborted']),
  standing('in a short sleep', [], [], { reach: (play) => play.event('timer_started') }),
  standing(
    'in Promise.all',
    ['one begins', 'two begins', 'three begins'],
    ['one aborted', 'two aborted', 'three aborted'],
  ),
  standing('in a scope', ['scoped begins'], ['scoped aborted']),
  standing('between tasks', ['body waits'], [], { gate: 'go', elsewhere: ['body waits', ...UNWOUND] }),
  standing('in a shield', ['shielded begins'], ['shielded ends'], {
    gate: 'go',
    elsewhere: ['shielded begins', 'shielded ends', ...UNWOUND],
  }),
  standing('in a task', ['task begins', 'task aborted', 'cleanup begins'], [], {
    name: 'in its cleanup',
    cleanupWaits: true,
    gate: 'tidy',
    // The grace period runs while the others come to their moments, and while the heir starts.
    reach: inCleanup({ reason: 'first', gracePeriod: '60s' }),
    here: ['cleanup ends', 'first undone'],
  }),
];

const openGate = ({ gate }: Moment) =>
  gate && ((play: Play): Promise<void> => Promise.resolve(play.open(gate)));

/** The worker that has the execution obeys the cancel in spite of it all. */
function obeyed(worker: Doomed, when: string): Cell[] {
  return MOMENTS.map((moment) => ({
    ...CLEANED,
    ...moment,
    worker,
    answer: 202,
    boundMs: LIVE_BOUND_MS,
    name: `${moment.name}, ${when}`,
    meanwhile: async (play) => {
      await play.event('cancel_delivered');
      await openGate(moment)?.(play);
    },
    ran: [[...moment.before, ...moment.here]],
  }));
}

/** Another worker runs its cleanup, unless `parts` say otherwise. */
function takenOver(
  worker: Doomed,
  when: string,
  moments: readonly Moment[],
  parts: Partial<Cell> = {},
): Cell[] {
  return moments.map((moment) => {
    const meanwhile = openGate(moment);
    return {
      ...CLEANED,
      ...moment,
      worker,
      answer: 202,
      boundMs: LOSS_BOUND_MS,
      name: `${moment.name}, ${when}`,
      ...(meanwhile && { meanwhile }),
      ran: [moment.before, ['body', ...moment.elsewhere]],
      ...parts,
    };
  });
}

/** The abort that the thawed worker still gives its code to see: nothing of it comes after that. */
export const ON_THAWING = ['task aborted', 'scoped aborted', 'one aborted', 'two aborted', 'three aborted'];
/** Executions that wait at no gate must find nothing to go on with when they are thawed. */
const ASLEEP = MOMENTS.filter(({ gate }) => gate === undefined);

/** The parent is parked: the worker that dies has the child alone. */
const PARENT: Cell = {
  ...CLEANED,
  name: 'waiting for a child, on a worker that dies',
  worker: 'dying',
  answer: 202,
  moment: 'waiting for a child',
  reach: childStands,
  boundMs: LOSS_BOUND_MS,
  ran: RESUMED,
  child: {
    ...CLEANED,
    ran: [
      [...BEGUN, 'task begins'],
      ['body', ...UNWOUND],
    ],
    endsFirst: true,
  },
};

export const DOOMED_CELLS: readonly Cell[] = [
  PARENT,
  ...takenOver('dying', 'on a worker that dies', MOMENTS),
  ...takenOver('freezing', 'on a worker that freezes', ASLEEP, { perhaps: ON_THAWING }),
  ...takenOver(
    'freezing',
    'on a worker that freezes for longer than grace period and lease',
    ASLEEP.slice(0, 1),
    {
      request: { gracePeriod: '1500ms' },
      perhaps: ON_THAWING,
    },
  ),
  ...takenOver('stranded', 'on the only worker, in an outage longer than the grace period', ASLEEP, {
    request: { gracePeriod: '1500ms' },
    perhaps: ON_THAWING,
  }),
  ...obeyed('draining', 'on a worker that drains'),
  ...obeyed('reconnecting', 'on a worker that reconnects'),
];
