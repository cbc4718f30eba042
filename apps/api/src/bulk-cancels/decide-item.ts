import type { BulkOutcome } from '@flux/contracts';
import { decideCancel, type Cancel } from '../lifecycle/cancel.js';
import type { Change } from '../lifecycle/change.js';
import type { CancelLimits, ExecutionRow } from '../lifecycle/execution.js';
import type { BulkRow } from './bulk-row.js';

export interface ItemDecision {
  readonly change: Change | null;
  readonly outcome: BulkOutcome;
}

/** The request of a bulk cancel to each of its executions. */
export function requestOf(job: BulkRow): Cancel {
  return {
    requestedBy: job.requestedBy,
    reason: job.reason,
    cause: job.cause,
    force: job.force,
    gracePeriodMs: job.gracePeriodMs ?? undefined,
    bulk: { id: job.id, event: job.event },
  };
}

/**
 * Decides what a bulk cancel does to one of its executions. A second decision, after a replica died before it had
 * noted the outcome, changes nothing and says the same. Pure.
 */
export function decideItem(
  row: ExecutionRow | undefined,
  job: BulkRow,
  limits: CancelLimits,
  now: number,
): ItemDecision {
  if (!row) return { change: null, outcome: 'gone' };
  const mine = row.cancellation?.bulkId === job.id;
  // Stopped: only what had been asked before is noted.
  if (job.state === 'stopped') return { change: null, outcome: mine ? outcomeOf(row, true) : 'waiting' };
  const decision = decideCancel(row, requestOf(job), limits, now);
  if (decision.kind === 'finished' || !decision.change)
    return { change: null, outcome: outcomeOf(row, mine) };
  return { change: decision.change, outcome: outcomeOf(decision.change.row, true) };
}

const ENDS: Partial<Record<ExecutionRow['state'], BulkOutcome>> = {
  CANCELLED: 'cancelled',
  COMPLETED: 'completed',
  FAILED: 'failed',
};

function outcomeOf({ state }: ExecutionRow, mine: boolean): BulkOutcome {
  const end = ENDS[state];
  return end === undefined ? 'requested' : mine ? end : 'already_finished';
}
