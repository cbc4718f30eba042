import { describe, expect, it } from '@jest/globals';
import { cancellation, cancellingRow, executionRow, NOW } from '../../testing/execution-rows.js';
import type { ExecutionRow } from '../execution-row.js';
import { decideCancel, type CancelRequest } from './decide-cancel.js';
import { decideExpire } from './decide-expire.js';

const GRACE_MS = 10_000;
const REQUEST: CancelRequest = {
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
  force: false,
  gracePeriodMs: undefined,
};

function cancel(row: ExecutionRow, changes: Partial<CancelRequest> = {}) {
  return decideCancel(row, { ...REQUEST, ...changes }, GRACE_MS, NOW);
}

const unowned = { workerId: null, claimId: null };

describe('a cancel', () => {
  it('ends what never ran, in the same change and without a message', () => {
    const decision = cancel(executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 }));
    expect(decision).toMatchObject({
      change: {
        row: {
          state: 'CANCELLED',
          finishedAt: NOW,
          cancellation: { cleanup: 'none', outcome: 'cancelled', stoppedAt: NOW, finalizedAt: NOW },
        },
        events: [{ type: 'cancel_requested' }, { type: 'execution_cancelled' }],
        outbox: [],
      },
    });
  });

  it('of what runs is sent to its owner, within the grace period', () => {
    expect(cancel(executionRow())).toMatchObject({
      change: {
        row: {
          state: 'CANCELLING',
          cancellation: { deadlineAt: NOW + GRACE_MS },
          nextDispatchAt: NOW + 2_000,
        },
        outbox: [{ kind: 'cancel', target: 'worker-a', body: { attempt: 1, deadlineAt: NOW + GRACE_MS } }],
      },
    });
  });

  it.each([
    [{ gracePeriodMs: 500 }, 500],
    [{}, 3_000],
    [{ force: true, gracePeriodMs: 500 }, 0],
  ])('takes the grace period of the request, else the execution: %j', (changes, expected) => {
    const decision = cancel(executionRow({ gracePeriodMs: 3_000 }), changes);
    expect(decision).toMatchObject({ change: { row: { cancellation: { deadlineAt: NOW + expected } } } });
  });

  it.each(['SCHEDULED', 'PAUSED', 'SLEEPING'] as const)('of %s, run before, goes to any worker', (state) => {
    expect(cancel(executionRow({ ...unowned, state }))).toMatchObject({
      change: { row: { state: 'CANCELLING' }, outbox: [{ kind: 'run', target: 'crawl' }] },
    });
  });

  it('again signals nothing twice', () => {
    expect(cancel(cancellingRow(), { reason: 'another' })).toEqual({ kind: 'accepted', change: null });
    expect(
      cancel(cancellingRow({ cancellation: cancellation({ deadlineAt: NOW - 1 }) }), { force: true }),
    ).toEqual({
      kind: 'accepted',
      change: null,
    });
  });

  it('again with force brings the deadline to now and tells the owner once more', () => {
    expect(cancel(cancellingRow(), { force: true })).toMatchObject({
      change: {
        row: { cancellation: { requestedAt: NOW - 1_000, deadlineAt: NOW, reason: 'wrong file' } },
        events: [{ type: 'cancel_forced' }],
        outbox: [{ kind: 'cancel', body: { deadlineAt: NOW } }],
      },
    });
  });

  it('of what is cancelled changes nothing, of what has ended is refused', () => {
    const cancelled = cancellingRow({ state: 'CANCELLED' });
    expect(cancel(cancelled, { force: true })).toEqual({ kind: 'accepted', change: null });
    for (const state of ['COMPLETED', 'FAILED'] as const) {
      expect(cancel(executionRow({ state }))).toEqual({ kind: 'finished', state });
    }
  });
});

describe('an expiry', () => {
  const late = { cancellation: cancellation({ deadlineAt: NOW }) };

  it('ends what no worker holds once the deadline has passed', () => {
    expect(decideExpire(cancellingRow({ ...unowned, ...late }), NOW)).toMatchObject({
      row: {
        state: 'CANCELLED',
        cancellation: { cleanup: 'not_run', outcome: 'cancelled', finalizedAt: NOW },
      },
    });
  });

  it('leaves alone what has an owner, time or no cancel', () => {
    expect(decideExpire(cancellingRow(late), NOW)).toBeNull();
    expect(decideExpire(cancellingRow(unowned), NOW)).toBeNull();
    expect(decideExpire(executionRow(), NOW)).toBeNull();
  });
});
