import { describe, expect, it } from '@jest/globals';
import { cancellation, cancellingRow, executionRow, LIMITS, NOW } from '../testing/execution-rows.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import type { BulkRow } from './bulk-row.js';
import { decideItem } from './decide-item.js';

const JOB: BulkRow = {
  id: '01940000-0000-7000-8000-000000000001',
  state: 'running',
  filter: { all: true },
  event: null,
  requestedBy: 'cli:ada',
  reason: 'wrong batch',
  cause: 'bulk',
  force: false,
  gracePeriodMs: 2_000,
  ratePerSecond: null,
  undo: null,
  createdAt: NOW,
  finishedAt: null,
  total: 1,
  requested: 0,
  cancelled: 0,
  completed: 0,
  failed: 0,
  alreadyFinished: 0,
  gone: 0,
  undone: 0,
};

const decide = (row: ExecutionRow | undefined, job: Partial<BulkRow> = {}) =>
  decideItem(row, { ...JOB, ...job }, LIMITS, NOW);
const mine = cancellation({ bulkId: JOB.id });

describe('an execution of a bulk cancel', () => {
  it('that runs is asked, with who, why and the id of the bulk cancel in its history', () => {
    expect(decide(executionRow())).toMatchObject({
      outcome: 'requested',
      change: {
        row: {
          state: 'CANCELLING',
          cancellation: { cause: 'bulk', bulkId: JOB.id, graceMs: 2_000 },
        },
        events: [
          {
            type: 'cancel_requested',
            data: { requestedBy: 'cli:ada', reason: 'wrong batch', cause: 'bulk', cancellationId: JOB.id },
          },
        ],
        outbox: [{ kind: 'cancel' }],
      },
    });
  });

  it('that never ran is cancelled, and one that is not there is gone', () => {
    const scheduled = executionRow({ state: 'SCHEDULED', attempt: 0, workerId: null });
    expect(decide(scheduled)).toMatchObject({
      outcome: 'cancelled',
      change: { row: { state: 'CANCELLED' } },
    });
    expect(decide(undefined)).toEqual({ outcome: 'gone', change: null });
  });

  it.each([
    [executionRow({ state: 'COMPLETED' }), 'already_finished'],
    [cancellingRow({ state: 'CANCELLED' }), 'already_finished'],
    [cancellingRow(), 'requested'],
    [executionRow({ state: 'COMPLETED', cancellation: mine }), 'completed'],
    [executionRow({ state: 'FAILED', cancellation: mine }), 'failed'],
    [executionRow({ state: 'CANCELLED', cancellation: mine }), 'cancelled'],
    [executionRow({ state: 'CANCELLING', cancellation: mine }), 'requested'],
  ] as const)('is not asked twice: %j', (row, outcome) => {
    expect(decide(row)).toEqual({ change: null, outcome });
  });

  it('is not asked once the job is stopped; what had been asked is noted', () => {
    expect(decide(executionRow(), { state: 'stopped' })).toEqual({ change: null, outcome: 'waiting' });
    const asked = executionRow({ state: 'CANCELLING', cancellation: mine });
    expect(decide(asked, { state: 'stopped' })).toEqual({ change: null, outcome: 'requested' });
  });
});
