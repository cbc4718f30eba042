import { describe, expect, test } from '@jest/globals';
import { cancellingRow, executionRow } from '../testing/execution-rows.js';
import { decideLoss, type Orphan } from './decide-loss.js';

const NOW = 1_800_000_000_000;

describe('an execution whose owner is gone', () => {
  const row = executionRow({ state: 'RUNNING', workerId: 'worker-a', attempt: 1 });
  const of = (workerState: Orphan['workerState']): Orphan => ({
    executionId: row.id,
    workerId: 'worker-a',
    workerState,
  });

  test('waits for another one, and its message is sent again soon', () => {
    const change = decideLoss(row, of('lost'), NOW);
    expect(change).toMatchObject({
      row: { state: 'SCHEDULED', workerId: null },
      events: [{ type: 'worker_lost' }],
      outbox: [{ kind: 'run' }],
    });
    expect((change?.row.nextDispatchAt ?? 0) - NOW).toBeGreaterThan(500);
    expect((change?.row.nextDispatchAt ?? 0) - NOW).toBeLessThanOrEqual(1_000);
    const cancelling = decideLoss(cancellingRow({ workerId: 'worker-a' }), of('lost'), NOW);
    expect(cancelling?.row).toMatchObject({ state: 'CANCELLING', nextDispatchAt: NOW + 1_000 });
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

  test('is left alone when others own it', () => {
    expect(decideLoss({ ...row, workerId: 'worker-b' }, of('lost'), NOW)).toBeNull();
    expect(decideLoss(undefined, of('lost'), NOW)).toBeNull();
  });
});
