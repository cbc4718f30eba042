import { expect } from '@jest/globals';
import {
  BEGUN,
  CLEANED,
  LIVE_BOUND_MS,
  LOSS_BOUND_MS,
  NOT_RUN,
  UNWOUND,
  childStands,
  marked,
  type Cell,
  type Doomed,
} from './cell.js';
import type { Play } from './play.js';

/** Where it stood when its worker came to grief, and what its code does then where it was, and elsewhere. */
interface Moment extends Pick<Cell, 'name' | 'moment' | 'cleanupWaits' | 'reach'> {
  /** What it waits for. */
  readonly gate?: 'go' | 'tidy';
  /** Up to the moment. */
  readonly before: readonly string[];
  /** After it, where it was. */
  readonly here: readonly string[];
  /** After it, where another attempt runs its cleanup. */
  readonly elsewhere: readonly string[];
}

async function inCleanup(play: Play): Promise<void> {
  await play.marked('task begins');
  // Its time runs while the others come to their moments, and while the heir starts.
  expect((await play.cancel({ reason: 'first', gracePeriod: '60s' })).status).toBe(202);
  await play.marked('cleanup begins');
}

const MOMENTS: readonly Moment[] = [
  {
    ...{ name: 'in a task', moment: 'in a task', reach: marked('task begins') },
    ...{ before: [...BEGUN, 'task begins'], here: ['task aborted', ...UNWOUND], elsewhere: UNWOUND },
  },
  {
    ...{ name: 'in a short sleep', moment: 'in a short sleep', reach: (play) => play.event('timer_started') },
    ...{ before: BEGUN, here: UNWOUND, elsewhere: UNWOUND },
  },
  {
    ...{ name: 'in Promise.all', moment: 'in Promise.all' },
    reach: marked('one begins', 'two begins', 'three begins'),
    before: [...BEGUN, 'one begins', 'two begins', 'three begins'],
    here: ['one aborted', 'two aborted', 'three aborted', ...UNWOUND],
    elsewhere: UNWOUND,
  },
  {
    ...{ name: 'in a scope', moment: 'in a scope', reach: marked('scoped begins') },
    ...{ before: [...BEGUN, 'scoped begins'], here: ['scoped aborted', ...UNWOUND], elsewhere: UNWOUND },
  },
  {
    ...{ name: 'between tasks', moment: 'between tasks', gate: 'go', reach: marked('body waits') },
    ...{ before: [...BEGUN, 'body waits'], here: UNWOUND, elsewhere: ['body waits', ...UNWOUND] },
  },
  {
    ...{ name: 'in a shield', moment: 'in a shield', gate: 'go', reach: marked('shielded begins') },
    before: [...BEGUN, 'shielded begins'],
    here: ['shielded ends', ...UNWOUND],
    elsewhere: ['shielded begins', 'shielded ends', ...UNWOUND],
  },
  {
    ...{ name: 'in its cleanup', moment: 'in a task', cleanupWaits: true, gate: 'tidy', reach: inCleanup },
    before: [...BEGUN, 'task begins', 'task aborted', 'cleanup begins'],
    here: ['cleanup ends', 'first undone'],
    elsewhere: UNWOUND,
  },
];

const openGate = ({ gate }: Moment) =>
  gate && ((play: Play): Promise<void> => Promise.resolve(play.open(gate)));

/** Its own worker obeys the cancel in spite of it all. */
function obeyed(worker: Doomed, when: string): Cell[] {
  return MOMENTS.map((moment) => ({
    ...{ ...CLEANED, ...moment, worker, answer: 202, boundMs: LIVE_BOUND_MS },
    name: `${moment.name}, ${when}`,
    meanwhile: async (play) => {
      await play.event('cancel_delivered');
      await openGate(moment)?.(play);
    },
    ran: [[...moment.before, ...moment.here]],
  }));
}

/** Another worker runs its cleanup. */
function takenOver(worker: Doomed, when: string, moments: readonly Moment[]): Cell[] {
  return moments.map((moment) => {
    const meanwhile = openGate(moment);
    return {
      ...{ ...CLEANED, ...moment, worker, answer: 202, boundMs: LOSS_BOUND_MS },
      name: `${moment.name}, ${when}`,
      ...(meanwhile && { meanwhile }),
      ran: [moment.before, ['body', ...moment.elsewhere]],
    };
  });
}

/** The abort that the thawed worker still gives its code to see: nothing of it comes after that. */
export const ON_THAWING = ['task aborted', 'scoped aborted', 'one aborted', 'two aborted', 'three aborted'];
/** What waits at no gate: thawed, it must find nothing to go on with. */
const ASLEEP = MOMENTS.filter(({ gate }) => gate === undefined);

/** The parent is parked: the worker that dies has the child alone. */
const PARENT: Cell = {
  ...{ ...CLEANED, name: 'waiting for a child, on a worker that dies', worker: 'dying', answer: 202 },
  ...{ moment: 'waiting for a child', reach: childStands, boundMs: LOSS_BOUND_MS },
  ran: [BEGUN, ['body', ...UNWOUND]],
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
  ...takenOver('freezing', 'on a worker that freezes', ASLEEP).map((cell) => ({
    ...cell,
    perhaps: ON_THAWING,
  })),
  ...ASLEEP.slice(0, 1).map((moment): Cell => ({
    ...{ ...NOT_RUN, ...moment, worker: 'freezing', answer: 202, boundMs: LOSS_BOUND_MS },
    name: `${moment.name}, on a worker that freezes beyond its deadline`,
    ...{ request: { gracePeriod: '500ms' }, perhaps: ON_THAWING },
    ran: [moment.before],
  })),
  ...obeyed('draining', 'on a worker that drains'),
  ...obeyed('reconnecting', 'on a worker that reconnects'),
];
