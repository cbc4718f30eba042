import { expect } from '@jest/globals';
import {
  BEGUN,
  CLEANED,
  FAILED_BEFORE,
  LIVE_BOUND_MS,
  NOT_RUN,
  RESUMED,
  UNCLEAN,
  UNWOUND,
  childStands,
  inCleanup,
  marked,
  openOnDelivery,
  type Cell,
} from './cell.js';
import type { Play } from './play.js';

/** Executions on a worker to which nothing happens. Each is cancelled once, and a twin of it twice. */

const steady = (moment: string, reach: Cell['reach'], parts: Partial<Cell> & Pick<Cell, 'ran'>): Cell => ({
  ...CLEANED,
  worker: 'steady',
  answer: 202,
  boundMs: LIVE_BOUND_MS,
  name: moment,
  moment,
  reach,
  ...parts,
});

/** The steps of an execution that began, took `steps`, and was cleaned up and rolled back in the same attempt. */
const unwound = (...steps: readonly string[]) => [[...BEGUN, ...steps, ...UNWOUND]];
const TASK_ABORTED = unwound('task begins', 'task aborted');

async function pausedFromOutside(play: Play): Promise<void> {
  await play.event('timer_started');
  expect((await play.post('pause')).status).toBe(202);
  await play.state('PAUSED');
}

async function resumedFromPause(play: Play): Promise<void> {
  await play.state('PAUSED');
  await play.post('resume');
  await play.marked('replays');
}

async function besideChild(play: Play): Promise<void> {
  await play.marked('task begins');
  await play.child.marked('task begins');
}

/** Nothing but the end of the task ends it, whatever has unwound already. */
async function taskEndsAtLast(play: Play): Promise<void> {
  await play.marked('cleanup ends');
  expect((await play.status()).state).toBe('CANCELLING');
  play.open('go');
}

const RUNNING: readonly Cell[] = [
  steady('in a task', marked('task begins'), { ran: TASK_ABORTED }),
  steady('in a task that does not listen', marked('task begins'), {
    meanwhile: taskEndsAtLast,
    ran: unwound('task begins', 'task ends'),
  }),
  steady('between tasks', marked('body waits'), {
    meanwhile: openOnDelivery('go'),
    ran: unwound('body waits'),
  }),
  steady('in a retry delay', marked('try'), { ran: unwound('try') }),
  steady('in a fallback', marked('fallback begins'), { ran: unwound('fallback begins', 'fallback aborted') }),
  steady('in Promise.all', marked('one begins', 'two begins', 'three begins'), {
    ran: unwound(...['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} aborted`])),
  }),
  steady('in ctx.map', marked('one begins', 'two begins'), {
    ran: unwound(...['one', 'two'].flatMap((name) => [`${name} begins`, `${name} aborted`])),
  }),
  steady('in ctx.pipeline', marked('stage begins'), { ran: unwound('stage begins', 'stage aborted') }),
  steady('in a shield', marked('shielded begins'), {
    meanwhile: openOnDelivery('go'),
    ran: unwound('shielded begins', 'shielded ends'),
  }),
  steady('with a handler', marked('task begins'), {
    ran: unwound('task begins', 'task aborted', 'handler begins', 'handler ends'),
  }),
  ...['beside a program', 'beside a program in a new session'].map((moment) =>
    steady(moment, marked('program beats'), { ran: TASK_ABORTED, perhaps: ['program beats'] }),
  ),
  steady('in a task', inCleanup({ reason: 'first' }), {
    name: 'in its cleanup',
    cleanupWaits: true,
    request: { reason: 'again', gracePeriod: '1ms' },
    meanwhile: (play) => Promise.resolve(play.open('tidy')),
    ran: TASK_ABORTED,
  }),
  steady('in a rollback', marked('undo begins'), {
    ...FAILED_BEFORE,
    meanwhile: openOnDelivery('go'),
    ran: [[...BEGUN, 'undo begins', 'undo ends', 'first undone']],
  }),
];

/** Executions that unwind because of their own workflow when the cancel comes. */
async function scopeIsCutOff(play: Play): Promise<void> {
  await play.marked('scoped begins');
  play.open('scope');
  await play.marked('scope is cut off');
}

const CUT_OFF = {
  meanwhile: openOnDelivery('go'),
  ran: unwound('scoped begins', 'scope is cut off', 'scoped ends'),
};

const SCOPED: readonly Cell[] = [
  // Code that runs in a shield after the signal is cleanup, and this part of it failed.
  steady('in a shield whose time is up', marked('shielded begins'), {
    ...UNCLEAN,
    meanwhile: openOnDelivery('shield'),
    ran: unwound('shielded begins', 'shielded aborted'),
  }),
  steady('in a scope', marked('scoped begins'), { ran: unwound('scoped begins', 'scoped aborted') }),
  steady('in a scope that was cancelled', scopeIsCutOff, CUT_OFF),
  steady('in a scope whose time is up', scopeIsCutOff, CUT_OFF),
];

const CHILD_CLEANED = { ...CLEANED, ran: TASK_ABORTED } as const;

/** The child is left alone, and ends by itself. */
async function childGoesOn(play: Play): Promise<void> {
  await play.state('CANCELLED');
  expect((await play.child.status()).state).toBe('RUNNING');
  play.child.open('go');
}

const PARENTS: readonly Cell[] = [
  steady('waiting for a child', childStands, { ran: RESUMED, child: { ...CHILD_CLEANED, endsFirst: true } }),
  steady('waiting for a child that is only asked', childStands, {
    ran: RESUMED,
    child: { ...CHILD_CLEANED, endsFirst: false },
  }),
  steady('waiting for a child that is abandoned', childStands, {
    meanwhile: childGoesOn,
    ran: RESUMED,
    child: {
      state: 'COMPLETED',
      cancellation: null,
      endsFirst: false,
      ran: [[...BEGUN, 'task begins', 'task ends', 'after']],
    },
  }),
  steady('beside a child', besideChild, {
    ran: TASK_ABORTED,
    child: { ...CHILD_CLEANED, endsFirst: true },
  }),
];

const WAITING: readonly Cell[] = [
  steady('in a short sleep', (play) => play.event('timer_started'), { ran: unwound() }),
  steady('in a parked sleep', (play) => play.state('SLEEPING'), { ran: RESUMED }),
  steady('in a pause', (play) => play.state('PAUSED'), { ran: RESUMED }),
  steady('in many short sleeps', pausedFromOutside, { name: 'paused from outside', ran: RESUMED }),
  steady('replaying', resumedFromPause, {
    name: 'while it is replayed',
    meanwhile: openOnDelivery('go'),
    ran: [BEGUN, ['body', 'replays', ...UNWOUND]],
  }),
  steady('in a parked sleep', (play) => play.state('SLEEPING'), {
    ...NOT_RUN,
    name: 'in a parked sleep, with force',
    request: { force: true },
    ran: [BEGUN],
  }),
];

/** Gives the same moment, and right after the cancel another one that would cut it short if it could. */
function askedTwice(cell: Cell): Cell {
  const { meanwhile } = cell;
  return {
    ...cell,
    name: `${cell.name}, asked twice`,
    meanwhile: async (play) => {
      await play.cancel({ reason: 'again', gracePeriod: '1ms' });
      await meanwhile?.(play);
    },
  };
}

export const STEADY_CELLS: readonly Cell[] = [...RUNNING, ...SCOPED, ...PARENTS, ...WAITING].flatMap(
  (cell) => [cell, askedTwice(cell)],
);
