import type { CheckpointEvent } from '@flux/contracts';
import type { Cancellation, ExecutionRow } from '../executions/execution-row.js';

/** The time at which decisions are asked for in specs. */
export const NOW = 1_800_000_000_000;

/** A row as it stands once worker-a has claimed it. */
export function executionRow(changes: Partial<ExecutionRow> = {}): ExecutionRow {
  return {
    id: '01926a3e-0000-7000-8000-000000000001',
    workflowName: 'crawl',
    workflowVersion: null,
    state: 'RUNNING',
    version: 3,
    attempt: 1,
    workerId: 'worker-a',
    claimId: 'claim-1',
    checkpointSeq: 0,
    lastEventSeq: 2,
    startedAt: NOW - 10_000,
    finishedAt: null,
    timeoutAt: null,
    gracePeriodMs: null,
    cancellation: null,
    parking: null,
    parent: null,
    children: null,
    nextDispatchAt: null,
    dispatchCount: 0,
    runnerLosses: 0,
    ...changes,
  };
}

/** A cancel that was asked for a second ago, with nine seconds left. */
export function cancellation(changes: Partial<Cancellation> = {}): Cancellation {
  return {
    requestedAt: NOW - 1_000,
    requestedBy: 'cli:ada',
    reason: 'wrong file',
    cause: 'request',
    deadlineAt: NOW + 9_000,
    deliveredAt: null,
    stoppedAt: null,
    finalizedAt: null,
    forced: false,
    cleanup: null,
    outcome: null,
    ...changes,
  };
}

/** The row under that cancel. */
export function cancellingRow(changes: Partial<ExecutionRow> = {}): ExecutionRow {
  return executionRow({ state: 'CANCELLING', cancellation: cancellation(), ...changes });
}

export function finished(
  outcome: 'completed' | 'failed' | 'cancelled',
  signalled: boolean,
  changes: Partial<Extract<CheckpointEvent, { type: 'finished' }>> = {},
): CheckpointEvent {
  return {
    type: 'finished',
    outcome,
    signalled,
    output: outcome === 'completed' ? 'value' : null,
    error: outcome === 'failed' ? { name: 'TypeError', message: 'broken' } : null,
    cleanup: signalled ? 'succeeded' : null,
    cleanupError: null,
    forced: false,
    at: NOW - 5,
    ...changes,
  };
}
