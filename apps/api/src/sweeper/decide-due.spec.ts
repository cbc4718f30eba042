import { describe, expect, it } from '@jest/globals';
import { dueAt } from '../executions/schedule.js';
import { cancellation, cancellingRow, executionRow, NOW } from '../testing/execution-rows.js';
import { decideDue } from './decide-due.js';

const unowned = { workerId: null, claimId: null };
const decide = (row: Parameters<typeof decideDue>[0]) => decideDue(row, 10_000, NOW);

describe('what is due', () => {
  it('one stuck row re-sent for ever starves the other cancels: each time it waits twice as long, and floods no queue', () => {
    const scheduled = executionRow({ ...unowned, state: 'SCHEDULED', nextDispatchAt: NOW });
    const first = decide(scheduled);
    expect(first).toMatchObject({
      row: { dispatchCount: 1, nextDispatchAt: NOW + 60_000 },
      outbox: [{ kind: 'run' }],
    });
    const cancelling = cancellingRow({ nextDispatchAt: NOW, dispatchCount: 2 });
    expect(decide(cancelling)).toMatchObject({
      row: { dispatchCount: 3, nextDispatchAt: NOW + 16_000 },
      events: [],
      outbox: [{ kind: 'cancel', target: 'worker-a' }],
    });
    const stuck = decide(cancellingRow({ nextDispatchAt: NOW, dispatchCount: 1_000 }));
    expect(stuck?.row.nextDispatchAt).toBe(NOW + 60_000);
  });

  it('is offered to a worker that answers where time is short: cancelled, or orphaned just now', () => {
    const both = [{ kind: 'run' }, { kind: 'offer' }];
    const waiting = { ...unowned, nextDispatchAt: NOW };
    const cancelling = cancellingRow(waiting);
    expect(decide(cancelling)?.outbox).toMatchObject(both);
    const orphan = executionRow({ ...waiting, state: 'SCHEDULED', dispatchCount: -1 });
    expect(decide(orphan)?.outbox).toMatchObject(both);
    expect(decide({ ...orphan, dispatchCount: 0 })?.outbox).toMatchObject([{ kind: 'run' }]);
  });

  it('is cancelled when its time is up', () => {
    for (const row of [executionRow(), executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 })]) {
      expect(decide({ ...row, timeoutAt: NOW })).toMatchObject({
        row: { cancellation: { cause: 'timeout', requestedBy: 'flux' } },
      });
    }
  });

  it('is expired without an owner at its deadline', () => {
    const row = cancellingRow({ ...unowned, cancellation: cancellation({ deadlineAt: NOW }) });
    expect(decide(row)).toMatchObject({ row: { state: 'CANCELLED', cancellation: { cleanup: 'not_run' } } });
  });

  it('is left alone before', () => {
    expect(decide(executionRow())).toBeNull();
    expect(decide(undefined)).toBeNull();
    expect(decide(cancellingRow({ ...unowned, nextDispatchAt: NOW + 1 }))).toBeNull();
  });

  it('is never a finished execution', () => {
    for (const state of ['COMPLETED', 'FAILED', 'CANCELLED'] as const) {
      expect(dueAt(executionRow({ state, timeoutAt: 0, nextDispatchAt: 0 }))).toBeNull();
    }
  });
});
