import { HELD_BY_HAND, type WorkerWish } from '@flux/contracts';
import { isPast, transition } from '@flux/domain';
import { factsOf, type ExecutionRow } from './execution.js';
import type { Change } from './change.js';
import { isCleanup, lastMoment, nextResend } from './timing.js';

export interface ClaimWish {
  readonly workerId: string;
  readonly claimId: string;
  /** The version of the execution's workflow that the worker has. */
  readonly version: string | null;
  /** What the worker was asked by hand. */
  readonly held: WorkerWish['kind'];
}

export type ClaimDecision<Row extends ExecutionRow> =
  /** A grant without a change is the grant of before, asked again. */
  | { readonly kind: 'granted'; readonly change: Change<Row> | null; readonly row: Row }
  | { readonly kind: 'refused'; readonly reason: string };

/** Whether a live worker may own an execution. Pure. */
export function decideClaim<Row extends ExecutionRow>(
  row: Row | undefined,
  wish: ClaimWish,
  now: number,
): ClaimDecision<Row> {
  if (!row) return { kind: 'refused', reason: 'EXECUTION_NOT_FOUND' };
  const running = row.state === 'RUNNING' || row.state === 'CANCELLING';
  if (running && row.workerId === wish.workerId && row.claimId === wish.claimId) {
    return { kind: 'granted', change: null, row };
  }
  const move = transition(row.state, 'claim', factsOf(row));
  if (move.kind === 'refuse') return { kind: 'refused', reason: move.reason };
  // A cleanup may be one that the paused worker's own executions wait for; the worker knows.
  if (wish.held === 'drain' || (wish.held === 'pause' && !isCleanup(row))) {
    return { kind: 'refused', reason: HELD_BY_HAND };
  }
  // The record is that of another code. A message that brings it to such a worker is an old one.
  if (row.attempt > 0 && row.workflowVersion !== wish.version) {
    return { kind: 'refused', reason: 'OTHER_VERSION' };
  }
  // The cleanup has no time left: the sweeper is about to end it.
  if (row.cancellation && isPast(lastMoment(row.cancellation), now)) {
    return { kind: 'refused', reason: 'CANCELLING' };
  }
  const next: Row = {
    ...row,
    state: move.to,
    attempt: row.attempt + 1,
    workflowVersion: wish.version,
    workerId: wish.workerId,
    claimId: wish.claimId,
    checkpointSeq: 0,
    startedAt: row.startedAt ?? now,
    nextDispatchAt: row.cancellation ? nextResend(true, now, 0) : null,
    dispatchCount: 0,
  };
  const started = {
    type: 'execution_started',
    at: now,
    attempt: next.attempt,
    data: { workerId: wish.workerId, ...(wish.version !== null && { version: wish.version }) },
  } as const;
  return { kind: 'granted', change: { row: next, events: [started], outbox: [] }, row: next };
}
