import type { BulkOutcome } from '@flux/contracts';
import { decideCancel, type CancelRequest } from '../executions/cancel/decide-cancel.js';
import type { Change, ExecutionRow } from '../executions/execution-row.js';
import type { BulkRow } from './bulk-row.js';

export interface ItemDecision {
  readonly change: Change | null;
  readonly outcome: BulkOutcome;
}

/** What a bulk cancel asks of each of its executions. */
export function requestOf(job: BulkRow): CancelRequest {
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
 * What a bulk cancel does to one of its executions. Asked again, after a replica died before it had noted the outcome,
 * it changes nothing and says the same. Pure.
 */
export function decideItem(
  row: ExecutionRow | undefined,
  job: BulkRow,
  defaultGraceMs: number,
  now: number,
): ItemDecision {
  if (!row) return { change: null, outcome: 'gone' };
  const mine = row.cancellation?.bulkId === job.id;
  // Stopped: only what had been asked before is noted.
  if (job.state === 'stopped') return { change: null, outcome: mine ? outcomeOf(row, true) : 'waiting' };
  const decision = decideCancel(row, requestOf(job), defaultGraceMs, now);
  if (decision.kind === 'finished' || !decision.change)
    return { change: null, outcome: outcomeOf(row, mine) };
  return { change: decision.change, outcome: outcomeOf(decision.change.row, true) };
}

function outcomeOf({ state }: ExecutionRow, mine: boolean): BulkOutcome {
  switch (state) {
    case 'CANCELLED':
      return mine ? 'cancelled' : 'already_finished';
    case 'COMPLETED':
      return mine ? 'completed' : 'already_finished';
    case 'FAILED':
      return mine ? 'failed' : 'already_finished';
    default:
      return 'requested';
  }
}
