import { describe, expect, it } from '@jest/globals';
import {
  cancellation,
  cancellingRow,
  changeOf,
  executionRow,
  GRACE_MS,
  LIMITS,
  NOW,
  REQUEST,
  unowned,
} from '../testing/execution-rows.js';
import type { Cancellation, ExecutionRow } from './execution.js';
import { decideCancel, type Cancel } from './cancel.js';
import { decideExpire } from './finish.js';
import { noticeOf } from './messages.js';

const cancel = (row: ExecutionRow, changes: Partial<Cancel> = {}) =>
  decideCancel(row, { ...REQUEST, ...changes }, LIMITS, NOW);
/** The last moment of a cleanup after a cancel of now. */
const LATEST_AT = NOW + GRACE_MS + LIMITS.leaseMs + 2_000;
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

  it('of what runs is sent to its owner; its body has the grace period from when it hears of that, up to a last moment', () => {
    const deadlineAt = LATEST_AT;
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
    expect(noticeOf(row, NOW)?.remainingMs).toBe(expected);
  });

  it('leaves the whole grace period to a body that hears of it late, and less only at the last moment', () => {
    const { row } = changeOf(cancel(executionRow()));
    const left = [NOW, NOW + LIMITS.leaseMs, LATEST_AT - 3_000, LATEST_AT + 1].map((at) => noticeOf(row, at));
    expect(left.map((notice) => notice?.remainingMs)).toEqual([GRACE_MS, GRACE_MS, 3_000, 0]);
  });

  it('that waits for its parent ends no later than that may', () => {
    const { row } = changeOf(cancel(executionRow(), { latestAt: NOW + 12_000 }));
    expect(row.cancellation).toMatchObject({ deadlineAt: NOW + 12_000, latestAt: NOW + 12_000 });
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
  it('comes at the last moment, not at the end of the grace period of a body that is lost', () => {
    const lost = {
      ...unowned,
      cancellation: cancellation({ graceMs: GRACE_MS, deadlineAt: NOW, latestAt: NOW + 1 }),
    };
    expect(decideExpire(cancellingRow(lost), NOW)).toBeNull();
    expect(decideExpire(cancellingRow(lost), NOW + 1)).toMatchObject({
      row: { state: 'CANCELLED', cancellation: { cleanup: 'not_run' } },
    });
  });

  it('tells of a cleanup that had begun, and whose owners were lost one after the other, that it was cut off', () => {
    const late = { graceMs: GRACE_MS, deadlineAt: NOW, latestAt: NOW, deliveredAt: NOW - 500 };
    const cleanupOf = (changes: Partial<Cancellation>) =>
      decideExpire(cancellingRow({ ...unowned, cancellation: cancellation({ ...late, ...changes }) }), NOW)
        ?.row.cancellation?.cleanup;
    expect(cleanupOf({})).toBe('timed_out');
    expect([{ deliveredAt: null }, { graceMs: undefined }, { fencedAt: NOW - 2_000 }].map(cleanupOf)).toEqual(
      ['not_run', 'not_run', 'not_run'],
    );
  });

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
