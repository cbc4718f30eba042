import { CLEANED, LIVE_BOUND_MS, NOTHING_TO_CLEAN, RESUMED, type Cell } from './cell.js';
import type { LockedCell } from './locked-cells.js';
import type { Play } from './play.js';

/** Executions that wait, when the cancel comes, for the only place of a worker, which is taken. */

const queued = {
  worker: 'queued',
  moment: 'in a task',
  boundMs: LIVE_BOUND_MS,
  reach: (play: Play) => play.state('SCHEDULED'),
} as const;
const nothingRan = { ...queued, ...NOTHING_TO_CLEAN, answer: 200, ran: [] } as const;
const inTask = ['task begins', 'task aborted'];

export const QUEUED_CELLS: readonly Cell[] = [
  { ...nothingRan, name: 'scheduled' },
  {
    ...nothingRan,
    name: 'paused before any worker had it',
    reach: async (play) => {
      await play.post('pause');
      await play.state('PAUSED');
    },
  },
];

/** An execution that had been paused by its body, was resumed, and waits for a place. */
export const RESUMED_CELL: Cell = {
  ...queued,
  ...CLEANED,
  name: 'resumed, not yet claimed',
  moment: 'in a pause',
  answer: 202,
  ran: RESUMED,
};

/** The place is free: the claim and the cancel meet. */
export const CLAIMED_CELLS: readonly LockedCell[] = [
  { ...nothingRan, name: 'being claimed, the cancel recorded first', first: 'cancel' },
  {
    ...queued,
    ...CLEANED,
    name: 'being claimed, the claim recorded first',
    answer: 202,
    first: 'other',
    // The cancel may find it before its first step, in its task or anywhere between.
    ran: [['body', 'cleanup begins', 'cleanup ends']],
    perhaps: ['first', 'first undone', ...inTask],
  },
];
