import { expect } from '@jest/globals';
import {
  BEGUN,
  CLEANED,
  FAILED_BEFORE,
  LIVE_BOUND_MS,
  NOT_RUN,
  UNWOUND,
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

export const STEADY_CELLS: readonly Cell[] = [...RUNNING, ...WAITING].flatMap((cell) => [
  cell,
  askedTwice(cell),
]);
