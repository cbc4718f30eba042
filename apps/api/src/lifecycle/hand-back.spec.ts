import { describe, expect, test } from '@jest/globals';
import { isolationOf } from '@flux/domain';
import { cancellation, cancellingRow, executionRow, NOW } from '../testing/execution-rows.js';
import { decideLoss, type Orphan } from './hand-back.js';
import { noticeOf } from './messages.js';

describe('an execution whose owner is gone', () => {
  const row = executionRow();
  const of = (workerState: Orphan['workerState']): Orphan => {
    return { executionId: row.id, workerId: 'worker-a', workerState };
  };

  test('waits for another one, and its message is sent again soon', () => {
    const change = decideLoss(row, of('lost'), NOW);
    expect(change).toMatchObject({
      row: { state: 'SCHEDULED', workerId: null },
      events: [{ type: 'worker_lost' }],
      outbox: [{ kind: 'run' }],
    });
    expect((change?.row.nextDispatchAt ?? 0) - NOW).toBeGreaterThan(500);
    expect((change?.row.nextDispatchAt ?? 0) - NOW).toBeLessThanOrEqual(1_000);
    const cancelling = decideLoss(cancellingRow(), of('lost'), NOW);
    expect(cancelling?.row).toMatchObject({ state: 'CANCELLING', nextDispatchAt: NOW + 1_000 });
  });

  test('in its cleanup hands that on, with the time up to the last moment', () => {
    const latestAt = NOW + 20_000;
    const told = { graceMs: 10_000, deadlineAt: NOW + 2_000, latestAt, deliveredAt: NOW - 500 };
    const change = decideLoss(cancellingRow({ cancellation: cancellation(told) }), of('lost'), NOW);
    expect(change?.row.cancellation).toMatchObject({ deadlineAt: latestAt, deliveredAt: NOW - 500 });
    const notice = change && noticeOf(change.row, NOW);
    expect(notice).toMatchObject({ remainingMs: 10_000, latestMs: 20_000, delivered: true });
  });

  test('that may have frozen, and takes messages still, is offered to one that answers too', () => {
    const change = decideLoss(row, { ...of('lost'), isSilent: true }, NOW);
    expect(change?.outbox).toMatchObject([{ kind: 'run' }, { kind: 'offer' }]);
  });

  test('that went in good order keeps the usual pause', () => {
    for (const state of ['stopped', 'cut_off'] as const) {
      const change = decideLoss(row, of(state), NOW);
      expect(change?.row.nextDispatchAt).toBe(NOW + 30_000);
      expect(change?.outbox).toMatchObject([{ kind: 'run' }]);
    }
  });

  describe('that has died', () => {
    const dead = { ...of('lost'), isSilent: false };
    const lossesAfter = (runnerLosses: number, orphan: Orphan): number | undefined =>
      decideLoss({ ...row, runnerLosses }, orphan, NOW)?.row.runnerLosses;

    test('counts, twice enough for a process of its own, and never makes it fail', () => {
      expect([0, 100, 200, 3, 203].map((losses) => lossesAfter(losses, dead))).toEqual([
        100, 200, 200, 103, 203,
      ]);
      expect([0, 1, 100, 101, 200, 203].map(isolationOf)).toEqual([
        { isolate: false, ownProcess: false },
        { isolate: true, ownProcess: false },
        { isolate: false, ownProcess: false },
        { isolate: true, ownProcess: false },
        { isolate: true, ownProcess: true },
        { isolate: true, ownProcess: true },
      ]);
    });

    test('counts only where its control queue is gone', () => {
      const others = [of('lost'), { ...of('lost'), isSilent: true }, of('stopped'), of('cut_off')];
      expect(others.map((orphan) => lossesAfter(100, orphan))).toEqual([100, 100, 100, 100]);
    });

    test('is forgiven by one that is back: it had been cut off alone', () => {
      const back = { ...of('cut_off'), attempt: 1 };
      const later = { ...row, workerId: 'worker-b', attempt: 2, runnerLosses: 201 };
      expect(decideLoss(later, back, NOW)).toEqual({
        row: { ...later, runnerLosses: 101 },
        events: [],
        outbox: [],
      });
      const others = [{ ...later, runnerLosses: 1 }, { ...later, state: 'COMPLETED' as const }, undefined];
      expect(others.map((each) => decideLoss(each, back, NOW))).toEqual([null, null, null]);
      expect(decideLoss(later, { ...back, workerState: 'lost' }, NOW)).toBeNull();
    });
  });

  test('is left alone when others own it', () => {
    expect(decideLoss({ ...row, workerId: 'worker-b' }, of('lost'), NOW)).toBeNull();
    expect(decideLoss(undefined, of('lost'), NOW)).toBeNull();
  });
});
