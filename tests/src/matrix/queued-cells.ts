import { BEGUN, CLEANED, LIVE_BOUND_MS, NOTHING_TO_CLEAN, UNWOUND, type Cell } from './cell.js';
import type { LockedCell } from './locked-cells.js';

/** On a worker with one place, which is taken: what waits for it when the cancel comes. */

const queued = { worker: 'queued', boundMs: LIVE_BOUND_MS } as const;
const nothingRan = { ...queued, ...NOTHING_TO_CLEAN, answer: 200, ran: [] } as const;
const inTask = ['task begins', 'task aborted'];

export const QUEUED_CELLS: readonly Cell[] = [
  {
    ...{ ...nothingRan, name: 'scheduled', moment: 'in a task' },
    reach: (play) => play.state('SCHEDULED'),
  },
  {
    ...{ ...nothingRan, name: 'paused before any worker had it', moment: 'in a task' },
    reach: async (play) => {
      await play.post('pause');
      await play.state('PAUSED');
    },
  },
];

/** Had been paused by its body, was resumed, and waits for a place. */
export const RESUMED_CELL: Cell = {
  ...{ ...queued, ...CLEANED, name: 'resumed, not yet claimed', moment: 'in a pause', answer: 202 },
  reach: (play) => play.state('SCHEDULED'),
  ran: [BEGUN, ['body', ...UNWOUND]],
};

/** The place is free: the claim and the cancel meet. */
export const CLAIMED_CELLS: readonly LockedCell[] = [
  {
    ...{
      ...nothingRan,
      name: 'being claimed, the cancel recorded first',
      moment: 'in a task',
      first: 'cancel',
    },
    reach: (play) => play.state('SCHEDULED'),
  },
  {
    ...{ ...queued, ...CLEANED, name: 'being claimed, the claim recorded first', moment: 'in a task' },
    ...{ answer: 202, first: 'other', reach: (play) => play.state('SCHEDULED') },
    // The cancel may find it before its first step, in its task or anywhere between.
    ran: [['body', 'cleanup begins', 'cleanup ends']],
    perhaps: ['first', 'first undone', ...inTask],
  },
];
