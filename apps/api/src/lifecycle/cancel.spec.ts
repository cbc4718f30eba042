import { describe, expect, it } from '@jest/globals';
import {
  cancellation,
  cancellingRow,
  changeOf,
  executionRow,
  GRACE_MS,
  NOW,
  REQUEST,
  unowned,
} from '../testing/execution-rows.js';
import type { ExecutionRow } from './execution.js';
import { decideCancel, type Cancel } from './cancel.js';
import { decideExpire } from './finish.js';

const cancel = (row: ExecutionRow, changes: Partial<Cancel> = {}) =>
  decideCancel(row, { ...REQUEST, ...changes }, GRACE_MS, NOW);
const overdue = cancellingRow({ cancellation: cancellation({ deadlineAt: NOW - 1 }) });
const late = { cancellation: cancellation({ deadlineAt: NOW }) };

describe('a cancel', () => {
  it('ends what never ran, in the same change and without a message', () => {
    expect(changeOf(cancel(executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 })))).toMatchObject({
      row: {
        state: 'CANCELLED',
        finishedAt: NOW,
        cancellation: { cleanup: 'none', outcome: 'cancelled', stoppedAt: NOW, finalizedAt: NOW },
      },
      events: [{ type: 'cancel_requested' }, { type: 'execution_cancelled' }],
      outbox: [],
    });
  });

  it('of what runs is sent to its owner, within the grace period', () => {
    const deadlineAt = NOW + GRACE_MS;
    expect(changeOf(cancel(executionRow()))).toMatchObject({
      row: { state: 'CANCELLING', cancellation: { deadlineAt }, nextDispatchAt: NOW + 2_000 },
      outbox: [{ kind: 'cancel', target: 'worker-a', body: { attempt: 1, deadlineAt } }],
    });
  });

  it.each([
    [{ gracePeriodMs: 500 }, 500],
    [{}, 3_000],
    [{ force: true, gracePeriodMs: 500 }, 0],
  ])('takes the grace period of the request, else the execution: %j', (changes, expected) => {
    const { row } = changeOf(cancel(executionRow({ gracePeriodMs: 3_000 }), changes));
    expect(row.cancellation?.deadlineAt).toBe(NOW + expected);
  });

  it.each(['SCHEDULED', 'PAUSED', 'SLEEPING'] as const)('of %s, run before, goes to any worker', (state) => {
    expect(changeOf(cancel(executionRow({ ...unowned, state })))).toMatchObject({
      row: { state: 'CANCELLING' },
      outbox: [{ kind: 'run', target: 'crawl' }, { kind: 'offer' }],
    });
  });

  it.each([
    ['again signals nothing twice', cancellingRow(), { reason: 'another' }],
    ['again with force after its deadline neither', overdue, { force: true }],
    ['of what is cancelled changes nothing', cancellingRow({ state: 'CANCELLED' }), { force: true }],
  ])('%s', (_title, row, changes) => {
    expect(cancel(row, changes)).toEqual({ kind: 'accepted', change: null });
  });

  it('again with force brings the deadline to now and tells the owner once more', () => {
    expect(changeOf(cancel(cancellingRow(), { force: true }))).toMatchObject({
      row: { cancellation: { requestedAt: NOW - 1_000, deadlineAt: NOW, reason: 'wrong file' } },
      events: [{ type: 'cancel_forced' }],
      outbox: [{ kind: 'cancel', body: { deadlineAt: NOW } }],
    });
  });

  it.each(['COMPLETED', 'FAILED'] as const)('of what has ended is refused: %s', (state) => {
    expect(cancel(executionRow({ state }))).toEqual({ kind: 'finished', state });
  });
});

describe('an expiry', () => {
  it('ends what no worker holds once the deadline has passed', () => {
    expect(decideExpire(cancellingRow({ ...unowned, ...late }), NOW)).toMatchObject({
      row: {
        state: 'CANCELLED',
        cancellation: { cleanup: 'not_run', outcome: 'cancelled', finalizedAt: NOW },
      },
    });
  });

  it.each([
    ['an owner', cancellingRow(late)],
    ['time', cancellingRow(unowned)],
    ['no cancel', executionRow()],
  ])('leaves alone what has %s', (_what, row) => {
    expect(decideExpire(row, NOW)).toBeNull();
  });
});
