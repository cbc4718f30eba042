import { isPast, transition } from '@flux/domain';
import { factsOf, type Change, type ExecutionRow } from '../execution-row.js';
import { wakeAt } from '../schedule.js';
import { rescheduled } from './parked-row.js';

/** Ends a sleep that is due, or a pause beside which one is; nothing before. Pure. */
export function decideWake(row: ExecutionRow, now: number): Change | null {
  const move = transition(row.state, 'wake', factsOf(row));
  const dueAt = wakeAt(row);
  if (move.kind === 'refuse' || dueAt === null || !isPast(dueAt, now)) return null;
  return {
    ...rescheduled(row, now),
    events: [{ type: 'execution_woken', at: now, attempt: row.attempt, data: {} }],
  };
}
