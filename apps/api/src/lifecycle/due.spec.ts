import { describe, expect, it } from '@jest/globals';
import { dueAt } from './timing.js';
import {
  cancellation,
  cancellingRow,
  executionRow,
  LIMITS,
  NOW,
  unowned,
} from '../testing/execution-rows.js';
import { decideDue } from './due.js';

const decide = (row: Parameters<typeof decideDue>[0]) => decideDue(row, LIMITS, NOW);

describe('what is due', () => {
  it('waits twice as long after each send, and floods no queue (elsewhere: one stuck row re-sent for ever starves the other cancels)', () => {
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
    const long = cancellation({ deadlineAt: NOW + 3_600_000 });
    const stuck = decide(cancellingRow({ nextDispatchAt: NOW, dispatchCount: 1_000, cancellation: long }));
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

  it('takes a cancel from an owner that answers and never tells of the end, and ends it once that one has stopped', () => {
    const overdueAt = cancellation().deadlineAt + LIMITS.leaseMs + 3_000;
    const silent = cancellingRow({ nextDispatchAt: overdueAt, dispatchCount: 4 });
    expect(decideDue({ ...silent, nextDispatchAt: NOW }, LIMITS, overdueAt - 1)).toMatchObject({
      row: { workerId: 'worker-a', nextDispatchAt: overdueAt },
      outbox: [{ kind: 'cancel' }],
    });
    const fenced = decideDue(silent, LIMITS, overdueAt);
    expect(fenced).toMatchObject({
      row: { state: 'CANCELLING', workerId: null, claimId: null },
      events: [{ type: 'worker_lost', data: { workerId: 'worker-a', reason: 'unreported' } }],
      outbox: [{ kind: 'fence', target: 'worker-a', body: { attempt: 1 } }],
    });
    const endsAt = dueAt(fenced?.row ?? silent) ?? Number.NaN;
    expect(endsAt).toBeGreaterThan(overdueAt + 1_000);
    expect(endsAt).toBeLessThan(cancellation().deadlineAt + LIMITS.leaseMs + 4_500);
    expect(decideDue(fenced?.row, LIMITS, endsAt - 1)).toBeNull();
    expect(decideDue(fenced?.row, LIMITS, endsAt)).toMatchObject({
      row: { state: 'CANCELLED', finishedAt: endsAt, cancellation: { cleanup: 'not_run' } },
    });
  });

  it('is nothing before its time', () => {
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
