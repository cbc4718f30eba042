import { expect } from '@jest/globals';
import {
  BEGUN,
  CLEANED,
  FAILED_BEFORE,
  LIVE_BOUND_MS,
  NOT_RUN,
  UNCLEAN,
  UNWOUND,
  childStands,
  marked,
  openOnDelivery,
  type Cell,
} from './cell.js';
import type { Play } from './play.js';

/** On a worker to which nothing happens. Each is cancelled once, and asked for twice in a twin of its own. */

const steady = { ...CLEANED, worker: 'steady', answer: 202, boundMs: LIVE_BOUND_MS } as const;

async function pausedFromOutside(play: Play): Promise<void> {
  await play.event('timer_started');
  expect((await play.post('pause')).status).toBe(202);
  await play.state('PAUSED');
}

async function inCleanup(play: Play): Promise<void> {
  await play.marked('task begins');
  expect((await play.cancel({ reason: 'first' })).status).toBe(202);
  await play.marked('cleanup begins');
}

/** Nothing but the end of the task ends it, whatever has unwound already. */
async function taskEndsAtLast(play: Play): Promise<void> {
  await play.marked('cleanup ends');
  expect((await play.status()).state).toBe('CANCELLING');
  play.open('go');
}

const RUNNING: readonly Cell[] = [
  {
    ...{ ...steady, name: 'in a task', moment: 'in a task', reach: marked('task begins') },
    ran: [[...BEGUN, 'task begins', 'task aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a task that does not listen', moment: 'in a task that does not listen' },
    ...{ reach: marked('task begins'), meanwhile: taskEndsAtLast },
    ran: [[...BEGUN, 'task begins', 'task ends', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'between tasks', moment: 'between tasks' },
    ...{ reach: marked('body waits'), meanwhile: openOnDelivery('go') },
    ran: [[...BEGUN, 'body waits', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a retry delay', moment: 'in a retry delay', reach: marked('try') },
    ran: [[...BEGUN, 'try', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a fallback', moment: 'in a fallback', reach: marked('fallback begins') },
    ran: [[...BEGUN, 'fallback begins', 'fallback aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in Promise.all', moment: 'in Promise.all' },
    reach: marked('one begins', 'two begins', 'three begins'),
    ran: [
      [
        ...BEGUN,
        ...['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} aborted`]),
        ...UNWOUND,
      ],
    ],
  },
  {
    ...{ ...steady, name: 'in ctx.map', moment: 'in ctx.map', reach: marked('one begins', 'two begins') },
    ran: [[...BEGUN, ...['one', 'two'].flatMap((name) => [`${name} begins`, `${name} aborted`]), ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in ctx.pipeline', moment: 'in ctx.pipeline', reach: marked('stage begins') },
    ran: [[...BEGUN, 'stage begins', 'stage aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a shield', moment: 'in a shield' },
    ...{ reach: marked('shielded begins'), meanwhile: openOnDelivery('go') },
    ran: [[...BEGUN, 'shielded begins', 'shielded ends', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'with a handler', moment: 'with a handler', reach: marked('task begins') },
    ran: [[...BEGUN, 'task begins', 'task aborted', 'handler begins', 'handler ends', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in its cleanup', moment: 'in a task', cleanupWaits: true, reach: inCleanup },
    ...{ request: { reason: 'again', gracePeriod: '1ms' } },
    meanwhile: (play) => Promise.resolve(play.open('tidy')),
    ran: [[...BEGUN, 'task begins', 'task aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, ...FAILED_BEFORE, name: 'in a rollback', moment: 'in a rollback' },
    ...{ reach: marked('undo begins'), meanwhile: openOnDelivery('go') },
    ran: [[...BEGUN, 'undo begins', 'undo ends', 'first undone']],
  },
];

/** What unwinds because of its own workflow when the cancel comes. */
async function scopeIsCutOff(play: Play): Promise<void> {
  await play.marked('scoped begins');
  play.open('scope');
  await play.marked('scope is cut off');
}

const CUT_OFF = ['scoped begins', 'scope is cut off', 'scoped ends'];

const SCOPED: readonly Cell[] = [
  {
    // What runs after the signal in a shield is cleanup, and this part of it failed.
    ...{ ...steady, ...UNCLEAN, name: 'in a shield whose time is up' },
    ...{
      moment: 'in a shield whose time is up',
      reach: marked('shielded begins'),
      meanwhile: openOnDelivery('shield'),
    },
    ran: [[...BEGUN, 'shielded begins', 'shielded aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a scope', moment: 'in a scope', reach: marked('scoped begins') },
    ran: [[...BEGUN, 'scoped begins', 'scoped aborted', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a scope that was cancelled', moment: 'in a scope that was cancelled' },
    ...{ reach: scopeIsCutOff, meanwhile: openOnDelivery('go') },
    ran: [[...BEGUN, ...CUT_OFF, ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a scope whose time is up', moment: 'in a scope whose time is up' },
    ...{ reach: scopeIsCutOff, meanwhile: openOnDelivery('go') },
    ran: [[...BEGUN, ...CUT_OFF, ...UNWOUND]],
  },
];

const CHILD_CLEANED = { ...CLEANED, ran: [[...BEGUN, 'task begins', 'task aborted', ...UNWOUND]] } as const;

/** It is left alone, and ends by itself. */
async function childGoesOn(play: Play): Promise<void> {
  await play.state('CANCELLED');
  expect((await play.child.status()).state).toBe('RUNNING');
  play.child.open('go');
}

const PARENTS: readonly Cell[] = [
  {
    ...{ ...steady, name: 'waiting for a child', moment: 'waiting for a child', reach: childStands },
    ran: [BEGUN, ['body', ...UNWOUND]],
    child: { ...CHILD_CLEANED, endsFirst: true },
  },
  {
    ...{ ...steady, name: 'waiting for a child that is only asked', reach: childStands },
    moment: 'waiting for a child that is only asked',
    ran: [BEGUN, ['body', ...UNWOUND]],
    child: { ...CHILD_CLEANED, endsFirst: false },
  },
  {
    ...{ ...steady, name: 'waiting for a child that is abandoned', reach: childStands },
    ...{ moment: 'waiting for a child that is abandoned', meanwhile: childGoesOn },
    ran: [BEGUN, ['body', ...UNWOUND]],
    child: {
      ...{ state: 'COMPLETED', cancellation: null, endsFirst: false },
      ran: [[...BEGUN, 'task begins', 'task ends', 'after']],
    },
  },
  {
    ...{ ...steady, name: 'beside a child', moment: 'beside a child' },
    reach: async (play) => {
      await play.marked('task begins');
      await play.child.marked('task begins');
    },
    ran: [[...BEGUN, 'task begins', 'task aborted', ...UNWOUND]],
    child: { ...CHILD_CLEANED, endsFirst: true },
  },
];

const WAITING: readonly Cell[] = [
  {
    ...{ ...steady, name: 'in a short sleep', moment: 'in a short sleep' },
    reach: (play) => play.event('timer_started'),
    ran: [[...BEGUN, ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a parked sleep', moment: 'in a parked sleep' },
    reach: (play) => play.state('SLEEPING'),
    ran: [BEGUN, ['body', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'in a pause', moment: 'in a pause', reach: (play) => play.state('PAUSED') },
    ran: [BEGUN, ['body', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'paused from outside', moment: 'in many short sleeps', reach: pausedFromOutside },
    ran: [BEGUN, ['body', ...UNWOUND]],
  },
  {
    ...{ ...steady, name: 'while it is replayed', moment: 'replaying' },
    reach: async (play) => {
      await play.state('PAUSED');
      await play.post('resume');
      await play.marked('replays');
    },
    meanwhile: openOnDelivery('go'),
    ran: [BEGUN, ['body', 'replays', ...UNWOUND]],
  },
  {
    ...{ ...steady, ...NOT_RUN, name: 'in a parked sleep, with force', moment: 'in a parked sleep' },
    ...{ reach: (play) => play.state('SLEEPING'), request: { force: true } },
    ran: [BEGUN],
  },
];

/** The same moment, and right after the cancel another one that would cut it short if it could. */
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
