import {
  BEGUN,
  CLEANED,
  KILLED,
  LIVE_BOUND_MS,
  TIDIED,
  UNWOUND,
  inCleanup,
  marked,
  type Cell,
} from './cell.js';

/**
 * Executions that do not end by their deadline, or that crash: their runners die. They go one after the other, since
 * neighbours would notice.
 */

const SHORT = { gracePeriod: '500ms' };
const killed = { ...KILLED, worker: 'killed', answer: 202, boundMs: LIVE_BOUND_MS, request: SHORT } as const;
const deaf = { ...killed, moment: 'in a task that does not listen', reach: marked('task begins') } as const;
const native = { ...killed, reach: marked('busy'), ran: [[...BEGUN, 'busy']] } as const;
const untidy = {
  ...killed,
  moment: 'in a task',
  cleanupWaits: true,
  ran: [[...BEGUN, 'task begins', 'task aborted', 'cleanup begins']],
} as const;

export const KILLED_CELLS: readonly Cell[] = [
  { ...native, name: 'in a busy loop', moment: 'in a busy loop' },
  { ...native, name: 'in a native call', moment: 'in a native call' },
  { ...native, name: 'in a job of libuv’s pool', moment: 'in a job of the pool' },
  {
    ...CLEANED,
    name: 'before a crash by a signal',
    worker: 'killed',
    moment: 'crashing at the signal',
    reach: marked('task begins'),
    answer: 202,
    losses: 1,
    perhaps: ['task aborted'],
    boundMs: LIVE_BOUND_MS,
    ran: [
      [...BEGUN, 'task begins'],
      ['body', ...UNWOUND],
    ],
  },
  { ...deaf, name: 'in a task that never ends', ran: [[...BEGUN, 'task begins', ...TIDIED]] },
  ...['in a program', 'in a program in a new session'].map((moment) => ({
    ...killed,
    name: moment,
    moment,
    reach: marked('program beats'),
    ran: [[...BEGUN, 'task begins', ...TIDIED]],
    perhaps: ['program beats'],
  })),
  { ...untidy, name: 'before a cleanup that never ends', reach: marked('task begins') },
  {
    ...deaf,
    name: 'in a task that never ends, with force',
    request: { force: true },
    ran: [[...BEGUN, 'task begins']],
    perhaps: TIDIED,
  },
  { ...untidy, name: 'in its cleanup, with force', reach: inCleanup(), request: { force: true } },
];
