import { BEGUN, KILLED, LIVE_BOUND_MS, TIDIED, inCleanup, marked, type Cell } from './cell.js';

/**
 * Executions that do not end by their deadline: their runners are killed. They go one after the other, since
 * neighbours would notice.
 */

const SHORT = { gracePeriod: '500ms' };
const killed = { ...KILLED, worker: 'killed', answer: 202, boundMs: LIVE_BOUND_MS, request: SHORT } as const;
const deaf = { ...killed, moment: 'in a task that does not listen', reach: marked('task begins') } as const;
const untidy = {
  ...killed,
  moment: 'in a task',
  cleanupWaits: true,
  ran: [[...BEGUN, 'task begins', 'task aborted', 'cleanup begins']],
} as const;

export const KILLED_CELLS: readonly Cell[] = [
  {
    ...killed,
    name: 'in a busy loop',
    moment: 'in a busy loop',
    reach: marked('busy'),
    ran: [[...BEGUN, 'busy']],
  },
  { ...deaf, name: 'in a task that never ends', ran: [[...BEGUN, 'task begins', ...TIDIED]] },
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
