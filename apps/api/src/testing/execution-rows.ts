import type { FinishedEvent, WorkflowDefinition } from '@flux/contracts';
import type { Cancel } from '../lifecycle/cancel.js';
import type { Change } from '../lifecycle/change.js';
import {
  newRecord,
  type Cancellation,
  type ExecutionRecord,
  type ExecutionRow,
  type ParentLink,
} from '../lifecycle/execution.js';
import { ROW_KEYS } from '../store/execution-columns.js';

/** The time at which decisions are asked for in specs. */
export const NOW = 1_800_000_000_000;

const RECORD = newRecord({
  id: '01926a3e-0000-7000-8000-000000000001',
  workflowName: 'crawl',
  timeoutAt: null,
  gracePeriodMs: null,
  nextDispatchAt: null,
  input: null,
  labels: {},
  createdAt: NOW - 20_000,
});

/** The workflow of that record. */
export const DEFINITION: WorkflowDefinition = {
  workflowName: 'crawl',
  version: null,
  inputSchema: null,
  gracePeriodMs: null,
  timeoutMs: null,
  runner: 'process',
  cancelOn: [],
};

/** The record of a row. */
export function recordOf(row: ExecutionRow): ExecutionRecord {
  return { ...RECORD, ...row };
}

/** The row of a record. */
export function rowOf(record: ExecutionRecord): ExecutionRow {
  return Object.fromEntries(ROW_KEYS.map((key) => [key, record[key]])) as unknown as ExecutionRow;
}

/** A row as it stands once worker-a has claimed it. */
export function executionRow(changes: Partial<ExecutionRow> = {}): ExecutionRow {
  const claimed = {
    version: 3,
    attempt: 1,
    workerId: 'worker-a',
    claimId: 'claim-1',
    startedAt: NOW - 10_000,
  };
  return { ...rowOf(RECORD), state: 'RUNNING', lastEventSeq: 2, ...claimed, ...changes };
}

/** The link to an execution that calls this one and waits for it. */
export function parentLink(changes: Partial<ParentLink> = {}): ParentLink {
  return {
    executionId: RECORD.id,
    rootExecutionId: RECORD.id,
    callId: '$call.crawl#0',
    name: '$call.crawl',
    onParentCancel: 'wait',
    called: true,
    shielded: false,
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

/** The grace period of a deployment in specs. */
export const GRACE_MS = 10_000;

/** The times of a deployment in specs. */
export const LIMITS = { gracePeriodMs: GRACE_MS, leaseMs: 15_000 };

/** A request for a cancel of which nothing is said but who and why. */
export const REQUEST: Cancel = {
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
  force: false,
  gracePeriodMs: undefined,
};

/** A row that nobody owns has these. */
export const unowned = { workerId: null, claimId: null };

/** The change that a decision comes with. */
export function changeOf(decision: { readonly kind: string; readonly change?: Change | null }): Change {
  if (!decision.change) throw new Error(`the decision '${decision.kind}' changes nothing`);
  return decision.change;
}

export function finished(
  outcome: 'completed' | 'failed' | 'cancelled',
  signalled: boolean,
  changes: Partial<FinishedEvent> = {},
): FinishedEvent {
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
