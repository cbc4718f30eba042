import { COMPLETED_BEFORE, FAILED_BEFORE, LIVE_BOUND_MS, marked, type Cell } from './cell.js';

/** What comes first where the cancel and another write meet at the same moment. */
export interface LockedCell extends Cell {
  readonly first: 'cancel' | 'other';
}

const meets = { worker: 'steady', boundMs: LIVE_BOUND_MS, reach: marked('body'), ran: [['body']] } as const;

/** The body ends, and its result is on the way. */
export const ENDING_CELLS: readonly LockedCell[] = [
  {
    ...{ ...meets, name: 'as it returns, its result recorded first', moment: 'returning', first: 'other' },
    ...{ state: 'COMPLETED', cancellation: null, answer: 409 },
  },
  {
    ...{ ...meets, name: 'as it returns, the cancel recorded first', moment: 'returning', first: 'cancel' },
    ...{ ...COMPLETED_BEFORE, answer: 202 },
  },
  {
    ...{ ...meets, name: 'as it throws, its error recorded first', moment: 'throwing', first: 'other' },
    ...{ state: 'FAILED', cancellation: null, answer: 409 },
  },
  {
    ...{ ...meets, name: 'as it throws, the cancel recorded first', moment: 'throwing', first: 'cancel' },
    ...{ ...FAILED_BEFORE, answer: 202 },
  },
];
