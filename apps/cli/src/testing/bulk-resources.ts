import {
  bulkCounts,
  type BulkCancelResource,
  type BulkCounts,
  type BulkPreviewResource,
} from '@flux/contracts';
import { execution } from './resources.js';

const NONE = bulkCounts.parse(Object.fromEntries(Object.keys(bulkCounts.shape).map((name) => [name, 0])));

/** A bulk cancel of three executions that has just begun. */
export function bulkCancel(
  changes: Partial<BulkCancelResource> = {},
  counts: Partial<BulkCounts> = {},
): BulkCancelResource {
  return {
    cancellationId: '01940000-0000-7000-8000-000000000001',
    state: 'running',
    filter: { all: true },
    event: null,
    requestedBy: 'cli:ada',
    reason: null,
    force: false,
    gracePeriodMs: null,
    ratePerSecond: null,
    createdAt: '2026-11-22T14:00:00.000Z',
    finishedAt: null,
    ...changes,
    counts: { ...NONE, total: 3, waiting: 3, ...counts },
  };
}

/** The result of its dry run, with one example. */
export function preview(changes: Partial<BulkPreviewResource> = {}): BulkPreviewResource {
  const { executionId, workflowName, state, createdAt } = execution();
  return {
    dryRun: true,
    total: 3,
    byState: { RUNNING: 2, SLEEPING: 1 },
    examples: [{ executionId, workflowName, state, labels: { team: 'media' }, createdAt }],
    ...changes,
  };
}
