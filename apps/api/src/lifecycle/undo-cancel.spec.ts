import { describe, expect, it } from '@jest/globals';
import type { ExecutionState } from '@flux/domain';
import fc from 'fast-check';
import { decideCheckpoint } from './checkpoint.js';
import { decideClaim } from './claim.js';
import { decideDue } from './due.js';
import { changeOf, executionRow, LIMITS, NOW, REQUEST, unowned } from '../testing/execution-rows.js';
import type { Change } from './change.js';
import type { ExecutionRow, Parked } from './execution.js';
import { noticeOf } from './messages.js';
import { dueAt } from './timing.js';
import { decideCancel, type Cancel } from './cancel.js';
import { decideDelay } from './delayed-cancel.js';
import { decideUndo } from './undo-cancel.js';

const childrenOfOne = { open: 1, awaited: 1, finished: 0, endedBody: null };
const BOB = { requestedBy: 'cli:bob', reason: 'it was right' };

const NAP = { kind: 'sleep', callId: '$sleep#0', name: null } as const;
const parked = (state: ExecutionState, at: Parked): ExecutionRow =>
  executionRow({ ...unowned, state, parking: { parked: at, pauseAsked: false, kept: [] } });
const sleeping = parked('SLEEPING', { ...NAP, dueAt: NOW + 60_000 });
const paused = parked('PAUSED', { kind: 'pause', callId: '$pause#0', name: 'approval', dueAt: null });
const requeued = executionRow({ ...unowned, state: 'SCHEDULED', nextDispatchAt: NOW + 5 });

const cancelled = (row: ExecutionRow, changes: Partial<Cancel> = {}): ExecutionRow =>
  changeOf(decideCancel(row, { ...REQUEST, ...changes }, LIMITS, NOW)).row;
const delayed = (row: ExecutionRow, delayMs: number): ExecutionRow =>
  changeOf(decideDelay(row, REQUEST, delayMs, NOW)).row;
const undone = (row: ExecutionRow, now = NOW): Change => changeOf(decideUndo(row, BOB, now));

describe('an undo', () => {
  it.each([sleeping, paused])('brings $state back as it was, and dispatches nothing', (row) => {
    const { state } = row;
    const change = undone(cancelled(row), NOW + 1_000);
    expect(change).toMatchObject({
      row: { state, cancellation: null, nextDispatchAt: null },
      events: [{ type: 'cancel_undone', data: { ...BOB, state } }],
      outbox: [],
    });
    expect(change.row.parking).toMatchObject(row.parking ?? {});
  });

  it('sends what waited for a worker to one again', () => {
    expect(undone(cancelled(requeued))).toMatchObject({
      row: { state: 'SCHEDULED', cancellation: null, nextDispatchAt: NOW + 30_000 },
      outbox: [{ kind: 'run' }],
    });
  });

  it('leaves a sleep that fell due meanwhile due at once', () => {
    const { row } = undone(cancelled(sleeping), NOW + 90_000);
    expect(dueAt(row)).toBe(NOW + 60_000);
    expect(decideDue(row, LIMITS, NOW + 90_000)?.row.state).toBe('SCHEDULED');
  });

  it('ends a delay, within which the execution goes on', () => {
    const row = delayed(executionRow(), 30_000);
    expect([row.state, dueAt(row)]).toEqual(['RUNNING', NOW + 30_000]);
    expect(decideDue(row, LIMITS, NOW + 29_999)).toBeNull();
    expect(decideDue(row, LIMITS, NOW + 30_000)).toMatchObject({
      row: { state: 'CANCELLING', cancellation: { requestedBy: 'cli:ada', reason: 'wrong file' } },
      outbox: [{ kind: 'cancel' }],
    });
    const after = undone(row).row;
    expect([after.parking, dueAt(after)]).toEqual([null, null]);
  });

  it('of two delays knows the earlier one', () => {
    const first = delayed(sleeping, 30_000);
    expect(decideDelay(first, REQUEST, 40_000, NOW)).toEqual({ kind: 'accepted', change: null });
    expect(dueAt(delayed(first, 10_000))).toBe(NOW + 10_000);
    const now = cancelled(first);
    expect(now).toMatchObject({ state: 'CANCELLING', parking: null });
    expect(undone(now).row.parking?.delayedCancel).toBeNull();
  });

  it.each([
    ['not_cancelling', executionRow()],
    ['delivered', cancelled(executionRow())],
    ['delivered', cancelled(executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 }))],
    // The children have been told already.
    ['delivered', cancelled({ ...sleeping, children: childrenOfOne })],
    ['finished', executionRow({ state: 'COMPLETED' })],
    ['not_asked', cancelled(sleeping, { cause: 'timeout' })],
  ])('is refused as %s', (kind, row) => {
    expect(decideUndo(row, BOB, NOW)).toEqual({ kind, state: row.state });
  });
});

/** The knowledge that a worker with the execution may have of a cancel, by a notice or with its claim. */
interface World {
  row: ExecutionRow;
  readonly told: Set<number>;
  now: number;
}

const STEPS = ['cancel', 'delay', 'undo', 'claim', 'deliver', 'sleep', 'lose', 'tick'] as const;
type Step = (typeof STEPS)[number];

function take(world: World, step: Step): void {
  const { row, now } = world;
  const apply = ({ change }: { readonly kind?: string; readonly change?: Change | null }): void => {
    if (!change) return;
    world.row = { ...change.row, version: row.version + 1 };
    for (const message of change.outbox)
      if (message.kind === 'cancel') world.told.add(message.body.requestedAt);
  };
  const checkpoint = (event: Parameters<typeof decideCheckpoint>[2]['events'][number]): void => {
    if (row.workerId === null) return;
    const item = { executionId: row.id, attempt: row.attempt, seq: row.checkpointSeq + 1, events: [event] };
    apply(decideCheckpoint(row, row.workerId, item, now));
  };
  switch (step) {
    case 'cancel':
      return apply(decideCancel(row, REQUEST, LIMITS, now));
    case 'delay':
      return apply(decideDelay(row, REQUEST, 1_000, now));
    case 'claim': {
      const wish = { workerId: `worker-${now}`, claimId: `claim-${now}`, version: null, held: null };
      const claim = decideClaim(row, wish, now);
      if (claim.kind !== 'granted') return;
      apply(claim);
      const notice = noticeOf(world.row, now);
      if (notice) world.told.add(notice.requestedAt);
      return;
    }
    case 'deliver':
      return checkpoint({ type: 'cancel_delivered', at: now });
    case 'sleep':
      return checkpoint({ type: 'parked', ...NAP, dueAt: now + 5_000, at: now });
    case 'lose':
      if (row.workerId !== null) {
        const state = row.state === 'RUNNING' ? 'SCHEDULED' : row.state;
        world.row = { ...row, ...unowned, state, nextDispatchAt: now };
      }
      return;
    case 'tick':
      world.now += 700;
      return apply({ change: decideDue(row, LIMITS, world.now) });
    case 'undo':
      return;
  }
}

it('in any order with cancels, claims and deliveries: what was told to a worker is never taken back', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { maxLength: 30 }), (steps) => {
      const world: World = {
        row: executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0, nextDispatchAt: NOW }),
        told: new Set(),
        now: NOW,
      };
      for (const step of steps) {
        world.now += 1;
        if (step !== 'undo') take(world, step);
        else {
          const { row } = world;
          const decision = decideUndo(row, BOB, world.now);
          if (decision.kind !== 'undone') continue;
          if (row.cancellation) expect(world.told.has(row.cancellation.requestedAt)).toBe(false);
          const after = decision.change.row;
          expect(after.cancellation).toBeNull();
          expect(after.parking?.delayedCancel ?? null).toBeNull();
          expect(noticeOf(after, world.now)).toBeNull();
          // The thing that the execution waits for is known again: it cannot be forgotten.
          expect(after.workerId !== null || dueAt(after) !== null || after.state === 'PAUSED').toBe(true);
          world.row = after;
        }
        if (world.row.state === 'CANCELLED') return;
      }
    }),
    { numRuns: 3_000 },
  );
});
