import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideCheckpoint } from '../../checkpoints/decide-checkpoint.js';
import { decideClaim } from '../../claims/decide-claim.js';
import { decideDue } from '../../sweeper/decide-due.js';
import { executionRow, NOW } from '../../testing/execution-rows.js';
import type { Change, ExecutionRow, Parked } from '../execution-row.js';
import { noticeOf } from '../notices.js';
import { dueAt } from '../schedule.js';
import { decideCancel, type CancelRequest } from './decide-cancel.js';
import { decideDelay } from './decide-delay.js';
import { decideUndo } from './decide-undo.js';

const GRACE_MS = 10_000;
const REQUEST: CancelRequest = {
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
  force: false,
  gracePeriodMs: undefined,
};
const BOB = { requestedBy: 'cli:bob', reason: 'it was right' };
const unowned = { workerId: null, claimId: null };

const nap: Parked = { kind: 'sleep', callId: '$sleep#0', name: null, dueAt: NOW + 60_000 };
const sleeping = executionRow({
  ...unowned,
  state: 'SLEEPING',
  parking: { parked: nap, pauseAsked: false, kept: [] },
});
const paused = executionRow({
  ...unowned,
  state: 'PAUSED',
  parking: {
    parked: { kind: 'pause', callId: '$pause#0', name: 'approval', dueAt: null },
    pauseAsked: false,
    kept: [],
  },
});
const requeued = executionRow({ ...unowned, state: 'SCHEDULED', nextDispatchAt: NOW + 5 });

const changed = (decision: { readonly change?: Change | null }): ExecutionRow => {
  expect(decision.change).toBeTruthy();
  return decision.change!.row;
};
const cancelled = (row: ExecutionRow, changes: Partial<CancelRequest> = {}): ExecutionRow =>
  changed(decideCancel(row, { ...REQUEST, ...changes }, GRACE_MS, NOW) as { change: Change });

describe('an undo', () => {
  it.each([
    ['SLEEPING', sleeping],
    ['PAUSED', paused],
  ])('brings %s back as it was, and dispatches nothing', (state, row) => {
    const decision = decideUndo(cancelled(row), BOB, NOW + 1_000);
    expect(decision).toMatchObject({
      kind: 'undone',
      change: {
        row: { state, cancellation: null, nextDispatchAt: null },
        events: [{ type: 'cancel_undone', data: { ...BOB, state } }],
        outbox: [],
      },
    });
    expect(changed(decision as { change: Change }).parking).toMatchObject(row.parking ?? {});
  });

  it('sends what waited for a worker to one again', () => {
    expect(decideUndo(cancelled(requeued), BOB, NOW)).toMatchObject({
      change: {
        row: { state: 'SCHEDULED', cancellation: null, nextDispatchAt: NOW + 30_000 },
        outbox: [{ kind: 'run' }],
      },
    });
  });

  it('leaves a sleep that fell due meanwhile due at once', () => {
    const row = changed(decideUndo(cancelled(sleeping), BOB, NOW + 90_000) as { change: Change });
    expect(dueAt(row)).toBe(NOW + 60_000);
    expect(decideDue(row, GRACE_MS, NOW + 90_000)?.row.state).toBe('SCHEDULED');
  });

  it('ends a delay, within which the execution goes on', () => {
    const delayed = changed(decideDelay(executionRow(), REQUEST, 30_000, NOW) as { change: Change });
    expect(delayed.state).toBe('RUNNING');
    expect(dueAt(delayed)).toBe(NOW + 30_000);
    expect(decideDue(delayed, GRACE_MS, NOW + 29_999)).toBeNull();
    expect(decideDue(delayed, GRACE_MS, NOW + 30_000)).toMatchObject({
      row: { state: 'CANCELLING', cancellation: { requestedBy: 'cli:ada', reason: 'wrong file' } },
      outbox: [{ kind: 'cancel' }],
    });
    const row = changed(decideUndo(delayed, BOB, NOW) as { change: Change });
    expect([row.parking, dueAt(row)]).toEqual([null, null]);
  });

  it('of two delays knows the earlier one', () => {
    const first = changed(decideDelay(sleeping, REQUEST, 30_000, NOW) as { change: Change });
    expect(decideDelay(first, REQUEST, 40_000, NOW)).toEqual({ kind: 'accepted', change: null });
    expect(dueAt(changed(decideDelay(first, REQUEST, 10_000, NOW) as { change: Change }))).toBe(NOW + 10_000);
    const now = cancelled(first);
    expect(now).toMatchObject({ state: 'CANCELLING', parking: null });
    expect(changed(decideUndo(now, BOB, NOW) as { change: Change }).parking?.delayedCancel).toBeNull();
  });

  it.each([
    ['not_cancelling', executionRow()],
    ['delivered', cancelled(executionRow())],
    ['delivered', cancelled(executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 }))],
    // Its children have been told already.
    ['delivered', cancelled({ ...sleeping, children: { open: 1, awaited: 1, finished: 0, held: null } })],
    ['finished', executionRow({ state: 'COMPLETED' })],
    ['not_asked', cancelled(sleeping, { cause: 'timeout' })],
  ])('is refused as %s', (kind, row) => {
    expect(decideUndo(row, BOB, NOW)).toEqual({ kind, state: row.state });
  });
});

/** What a worker that holds the execution may know: it has been told of a cancel, by a notice or with its claim. */
interface World {
  row: ExecutionRow;
  readonly told: Set<number>;
  now: number;
}

type Step = 'cancel' | 'delay' | 'undo' | 'claim' | 'deliver' | 'sleep' | 'lose' | 'tick';
const STEPS: readonly Step[] = ['cancel', 'delay', 'undo', 'claim', 'deliver', 'sleep', 'lose', 'tick'];

function take(world: World, step: Step): void {
  const { row, now } = world;
  const apply = (change: Change | null | undefined): void => {
    if (!change) return;
    world.row = { ...change.row, version: row.version + 1 };
    for (const message of change.outbox)
      if (message.kind === 'cancel') world.told.add(message.body.requestedAt);
  };
  const checkpoint = (event: Parameters<typeof decideCheckpoint>[2]['events'][number]): void => {
    if (row.workerId === null) return;
    const item = { executionId: row.id, attempt: row.attempt, seq: row.checkpointSeq + 1, events: [event] };
    const verdict = decideCheckpoint(row, row.workerId, item, now);
    if (verdict.kind === 'applied') apply(verdict.change);
  };
  switch (step) {
    case 'cancel':
      return apply((decideCancel(row, REQUEST, GRACE_MS, now) as { change?: Change | null }).change);
    case 'delay':
      return apply((decideDelay(row, REQUEST, 1_000, now) as { change?: Change | null }).change);
    case 'claim': {
      const claim = decideClaim(
        row,
        { workerId: `worker-${now}`, claimId: `claim-${now}`, version: null },
        now,
      );
      if (claim.kind !== 'granted') return;
      apply(claim.change);
      const notice = noticeOf(world.row, now);
      if (notice) world.told.add(notice.requestedAt);
      return;
    }
    case 'deliver':
      return checkpoint({ type: 'cancel_delivered', at: now });
    case 'sleep':
      return checkpoint({
        type: 'parked',
        kind: 'sleep',
        callId: '$sleep#0',
        name: null,
        dueAt: now + 5_000,
        at: now,
      });
    case 'lose':
      if (row.workerId !== null) {
        const state = row.state === 'RUNNING' ? 'SCHEDULED' : row.state;
        world.row = { ...row, ...unowned, state, nextDispatchAt: now };
      }
      return;
    case 'tick':
      world.now += 700;
      return apply(decideDue(row, GRACE_MS, world.now));
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
          // What it waits for is known again: it cannot be forgotten.
          expect(after.workerId !== null || dueAt(after) !== null || after.state === 'PAUSED').toBe(true);
          world.row = after;
        }
        if (world.row.state === 'CANCELLED') return;
      }
    }),
    { numRuns: 3_000 },
  );
});
