import { COMPLETED_BEFORE, FAILED_BEFORE, LIVE_BOUND_MS, marked, type Cell } from './cell.js';

/** A cell in which the cancel and another write meet at the same moment, and the one of them that comes first. */
export interface LockedCell extends Cell {
  readonly first: 'cancel' | 'other';
}

const meets = { worker: 'steady', boundMs: LIVE_BOUND_MS, reach: marked('body'), ran: [['body']] } as const;
const returns = { ...meets, ...COMPLETED_BEFORE, moment: 'returning' } as const;
const throws = { ...meets, ...FAILED_BEFORE, moment: 'throwing' } as const;
const cancelFirst = { first: 'cancel', answer: 202 } as const;
const cancelRefused = { first: 'other', answer: 409, cancellation: null } as const;

/** The body ends, and its result is on the way. */
export const ENDING_CELLS: readonly LockedCell[] = [
  { ...returns, ...cancelRefused, name: 'as it returns, its result recorded first' },
  { ...returns, ...cancelFirst, name: 'as it returns, the cancel recorded first' },
  { ...throws, ...cancelRefused, name: 'as it throws, its error recorded first' },
  { ...throws, ...cancelFirst, name: 'as it throws, the cancel recorded first' },
];
