import { describe, expect, test } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { cancellation, cancellingRow, changeOf, executionRow, NOW } from '../testing/execution-rows.js';
import { decideCheckpoint } from './checkpoint.js';
import { decideDue } from './due.js';
import { decideLoss, type BegunTask } from './hand-back.js';

const TASK = { callId: 'charge#0', name: 'charge', inCleanup: false, rollback: true };
const STARTED: CheckpointEvent = { type: 'task_started', ...TASK, startedAt: NOW - 200, at: NOW };
const KILLED: CheckpointEvent = {
  type: 'task_interrupted',
  ...TASK,
  startedAt: NOW - 200,
  how: 'killed',
  runner: 'process',
  at: NOW,
};
const startedAt = new Date(NOW - 200).toISOString();
const BEGUN: BegunTask = { ...TASK, startedAt };

describe('a task that has begun', () => {
  test('is recorded with its start and how it was cut off, which is no progress: what its runner died of is not forgiven', () => {
    const row = executionRow({ runnerLosses: 2 });
    const checkpoint = { executionId: row.id, attempt: 1, seq: 1, events: [STARTED, KILLED] };
    const change = changeOf(decideCheckpoint(row, 'worker-a', checkpoint, NOW));
    expect(change.events).toEqual([
      { type: 'task_started', at: NOW, attempt: 1, data: BEGUN },
      { type: 'task_interrupted', at: NOW, attempt: 1, data: { ...BEGUN, how: 'killed', runner: 'process' } },
    ]);
    expect(change.row).toMatchObject({ state: 'RUNNING', runnerLosses: 2 });
  });

  test.each(['lost', 'stopped', 'cut_off'] as const)(
    'is cut off in the write that takes it from its owner: %s',
    (workerState) => {
      const row = executionRow();
      const orphan = { executionId: row.id, workerId: 'worker-a', workerState };
      const change = decideLoss(row, orphan, NOW, [BEGUN]);
      expect(change?.events.map(({ type }) => type)).toEqual([
        'task_interrupted',
        workerState === 'lost' ? 'worker_lost' : 'execution_handed_back',
      ]);
      expect(change?.events[0]?.data).toEqual({ ...BEGUN, how: 'owner_lost' });
      expect(decideLoss({ ...row, workerId: 'worker-b' }, orphan, NOW, [BEGUN])).toBeNull();
    },
  );

  test('is cut off when its owner never tells of the end of a cancel', () => {
    const row = cancellingRow({
      nextDispatchAt: NOW,
      cancellation: cancellation({ deadlineAt: NOW - 60_000, requestedAt: NOW - 70_000 }),
    });
    const change = decideDue(row, { gracePeriodMs: 10_000, leaseMs: 15_000 }, NOW + 1, [BEGUN]);
    expect(change?.events.map(({ type }) => type)).toEqual(['task_interrupted', 'worker_lost']);
  });
});
