import type { CheckpointEvent } from '@flux/contracts';
import { lastCallMs } from '@flux/domain';
import { describe, expect, it } from '@jest/globals';
import {
  cancellation,
  cancellingRow,
  changeOf,
  DEFINITION,
  executionRow,
  finished,
  GRACE_MS,
  LIMITS,
  NOW,
  parentLink,
  recordOf,
  REQUEST,
  unowned,
} from '../testing/execution-rows.js';
import { decideCancel, type Cancel } from './cancel.js';
import type { Change } from './change.js';
import { decideCheckpoint } from './checkpoint.js';
import { cancelRequestOf, decideChildCancel } from './child-cancel.js';
import { decideChildEnd } from './child-end.js';
import type { ChildVerdict } from './child-start.js';
import { decideClaim } from './claim.js';
import { decideDue } from './due.js';
import type { Children, ExecutionRow, ParentLink } from './execution.js';
import { familyMessages, noticeOf, runMessage, type EndedChild } from './messages.js';

const CHILD_ID = '01926a3e-0000-7000-8000-000000000002';

const children = (changes: Partial<Children> = {}): Children => ({
  open: 1,
  awaited: 1,
  finished: 0,
  endedBody: null,
  ...changes,
});
const parentWith = (changes: Partial<ExecutionRow>, own: Partial<Children> = {}): ExecutionRow =>
  executionRow({ children: children(own), ...changes });
const childRow = (changes: Partial<ExecutionRow> = {}, parent: Partial<ParentLink> = {}): ExecutionRow =>
  executionRow({ id: CHILD_ID, parent: parentLink(parent), ...changes });

const admitted = { ok: true, definition: DEFINITION, limits: LIMITS, maxDepth: 2 } as const;

const endedChild = (state: 'COMPLETED' | 'CANCELLED'): EndedChild => ({
  ...recordOf(childRow({ state, cancellation: state === 'CANCELLED' ? cancellation() : null })),
  output: 7,
  outputTypes: undefined,
});

function startEvent(onParentCancel: ParentLink['onParentCancel'], shielded = false): CheckpointEvent {
  const { callId, name, called } = parentLink();
  const wanted = { workflowName: 'crawl', input: {}, labels: {}, timeoutMs: null };
  const child = { executionId: CHILD_ID, ...wanted, onParentCancel, shielded, called };
  return { type: 'child_started', callId, name, at: NOW, child };
}

function apply(row: ExecutionRow, events: CheckpointEvent[], admission: ChildVerdict = admitted): Change {
  const { id: executionId, attempt, checkpointSeq } = row;
  const checkpoint = { executionId, attempt, seq: checkpointSeq + 1, events };
  return changeOf(decideCheckpoint(row, row.workerId ?? '', checkpoint, NOW, () => admission));
}

describe('the start of a child', () => {
  it('counts it with its parent, and hands it its place in the family', () => {
    const change = apply(executionRow(), [startEvent('wait')]);
    expect(change.row.children).toEqual({ open: 1, awaited: 1, finished: 0, endedBody: null });
    expect(change.events).toMatchObject([{ type: 'child_started', data: { executionId: CHILD_ID } }]);
    const { id } = executionRow();
    expect(change.children).toMatchObject([
      {
        start: {
          record: {
            id: CHILD_ID,
            parentExecutionId: id,
            rootExecutionId: id,
            parent: parentLink({ depth: 1 }),
          },
        },
        caught: null,
      },
    ]);
  });

  it.each([
    ['wait', false, 'CANCELLED'],
    ['request', false, 'CANCELLED'],
    ['abandon', false, undefined],
    ['wait', true, undefined],
  ] as const)('under a cancel of its parent: %s, shielded %s, is %s', (policy, shielded, state) => {
    const [child] = apply(cancellingRow(), [startEvent(policy, shielded)]).children ?? [];
    expect(child?.caught?.row.state).toBe(state);
    if (state)
      expect(child?.caught?.row.cancellation).toMatchObject({ cause: 'parent', requestedBy: 'cli:ada' });
  });

  it('in a shield, or for what is waited for there, is part of a cleanup: it is offered past the queue', () => {
    const inShield = apply(executionRow(), [startEvent('wait', true)]);
    const below = apply(executionRow({ parent: parentLink({ cleanup: true }) }), [startEvent('wait')]);
    for (const { children: [child] = [], outbox } of [inShield, below]) {
      expect(child?.start.record).toMatchObject({ parent: { cleanup: true }, nextDispatchAt: NOW + 2_000 });
      expect(outbox).toMatchObject([{ kind: 'offer', body: { executionId: CHILD_ID, cleanup: true } }]);
      expect(runMessage(child?.start.record ?? executionRow()).body).toMatchObject({ cleanup: true });
    }
    expect(apply(executionRow(), [startEvent('wait')]).outbox).toEqual([]);
  });

  it('is refused past the greatest depth, in the call that wants it', () => {
    const at = (depth: number | undefined): Change =>
      apply(executionRow({ parent: parentLink(depth === undefined ? {} : { depth }) }), [startEvent('wait')]);
    for (const above of [undefined, 1]) expect(at(above).children).toHaveLength(1);
    expect(at(2).children).toBeUndefined();
    expect(at(2)).toMatchObject({
      row: { children: { open: 0, finished: 1 } },
      events: [{ type: 'child_refused', data: { error: { code: 'TREE_TOO_DEEP' } } }],
      outbox: [
        { kind: 'child', body: { entry: { end: { state: 'REFUSED', error: { code: 'TREE_TOO_DEEP' } } } } },
      ],
    });
  });

  it('that would outrun a bulk cancel under way is cancelled by it, and nothing of it runs', () => {
    const bar: Cancel = { ...REQUEST, cause: 'bulk', bulk: { id: 'bulk-1', event: null } };
    const [child] = apply(executionRow(), [startEvent('abandon')], { ...admitted, bar }).children ?? [];
    expect(child?.caught?.row).toMatchObject({
      state: 'CANCELLED',
      attempt: 0,
      cancellation: { cause: 'bulk', bulkId: 'bulk-1', cleanup: 'none' },
    });
  });

  it.each(['parked', 'handed_back'] as const)(
    'is not lost where its parent is %s and was to pause',
    (type) => {
      const parked = {
        type: 'parked',
        kind: 'sleep',
        callId: '$sleep#0',
        name: null,
        dueAt: NOW,
        at: NOW,
      } as const;
      const left = type === 'parked' ? parked : ({ type, reason: 'drain', at: NOW } as const);
      const asked = executionRow({ parking: { parked: null, pauseAsked: true, kept: [] } });
      expect(apply(asked, [startEvent('wait'), left])).toMatchObject({
        row: { state: 'PAUSED', children: { open: 1 } },
        children: [{ start: { record: { id: CHILD_ID } } }],
      });
    },
  );

  it('that is refused starts nothing, and its parent is told', () => {
    const error = { code: 'WORKFLOW_NOT_FOUND', name: 'FluxError', message: 'nobody has it' };
    const change = apply(executionRow(), [startEvent('wait')], { ok: false, error });
    expect(change.children).toBeUndefined();
    expect(change.row.children).toEqual({ open: 0, awaited: 0, finished: 1, endedBody: null });
    expect(change.outbox).toMatchObject([
      { kind: 'child', target: 'worker-a', body: { entry: { number: 1, end: { state: 'REFUSED', error } } } },
    ]);
  });
});

describe('the end of a child', () => {
  it('is recorded with its parent, whose owner is told', () => {
    const change = decideChildEnd(parentWith({}), endedChild('COMPLETED'), NOW);
    expect(change?.row.children).toEqual({ open: 0, awaited: 0, finished: 1, endedBody: null });
    expect(change?.events).toMatchObject([
      { type: 'child_finished', data: { state: 'COMPLETED', output: 7 } },
    ]);
    expect(change?.outbox).toMatchObject([{ kind: 'child', target: 'worker-a' }]);
  });

  it.each([
    ['SLEEPING', 'child', true, 'SCHEDULED'],
    ['SLEEPING', 'sleep', false, 'SLEEPING'],
    ['PAUSED', 'pause', true, 'SCHEDULED'],
    ['PAUSED', 'request', false, 'PAUSED'],
  ] as const)('finds its parent %s (%s), waiting for it: %s', (state, kind, awaitsChild, to) => {
    const parked = { kind, callId: null, name: null, dueAt: null, ...(awaitsChild ? { awaitsChild } : {}) };
    const row = { state, workerId: null, parking: { parked, pauseAsked: false, kept: [] } };
    const change = decideChildEnd(parentWith(row), endedChild('COMPLETED'), NOW);
    expect(change?.row.state).toBe(to);
    expect(change?.outbox.map(({ kind }) => kind)).toEqual(to === 'SCHEDULED' ? ['run'] : []);
  });

  it.each(['COMPLETED', 'FAILED', 'CANCELLED'] as const)(
    'changes nothing for a parent that is %s',
    (state) => {
      expect(decideChildEnd(parentWith({ state }), endedChild('COMPLETED'), NOW)).toBeNull();
    },
  );

  it('that came while its parent was about to sleep wakes it at once', () => {
    const call = { kind: 'child', callId: '$call.crawl#0', name: null, dueAt: null } as const;
    const parked = (childrenHeard: number) => ({ type: 'parked', ...call, at: NOW, childrenHeard }) as const;
    const row = parentWith({}, { open: 0, awaited: 0, finished: 1 });
    expect(apply(row, [parked(0)])).toMatchObject({ row: { state: 'SCHEDULED' }, outbox: [{ kind: 'run' }] });
    expect(apply(row, [parked(1)])).toMatchObject({ row: { state: 'SLEEPING', workerId: null }, outbox: [] });
  });
});

describe('a cancelled parent', () => {
  const cancelling = parentWith({ state: 'CANCELLING', cancellation: cancellation() });
  const hasEnded = finished('cancelled', true);

  describe('that nobody runs', () => {
    const sleeping = parentWith({ state: 'SLEEPING', ...unowned });
    const { row, outbox } = changeOf(decideCancel(sleeping, REQUEST, LIMITS, NOW));
    const both = [{ kind: 'run' }, { kind: 'offer' }];

    it('is dispatched after its children, or with its share when those whose workers are there have ended', () => {
      const lastAt = NOW + GRACE_MS + 500;
      expect([row.nextDispatchAt, outbox]).toEqual([lastAt, []]);
      const timeAt = (at: number): number | undefined => {
        const change = decideDue(row, LIMITS, at);
        expect(change).toMatchObject({ outbox: both });
        return change ? noticeOf(change.row, at)?.remainingMs : undefined;
      };
      expect(timeAt(lastAt)).toBeCloseTo(500, 3);
      // The sweeper could send nothing for longer: something was away.
      expect(timeAt(lastAt + 2_000)).toBe(GRACE_MS);
    });

    it.each([
      ['what they left of the grace period', 4_000, 6_000],
      ['its share where they left less', 9_800, 500],
      ['its share where the last of them had to be killed', 10_900, 500],
      ['all of it where something was away meanwhile', 14_000, 10_000],
    ])('has, once they have ended, %s', (_what, afterMs, bodyMs) => {
      const change = decideChildEnd(row, endedChild('CANCELLED'), NOW + afterMs);
      expect(change).toMatchObject({ row: { state: 'CANCELLING' }, outbox: both });
      const notice = change && noticeOf(change.row, NOW + afterMs);
      expect(notice?.remainingMs).toBeCloseTo(bodyMs, 3);
    });
  });

  it('whose body has ended is final with its last child, and not before; nobody may claim it', () => {
    const { row } = apply(cancelling, [hasEnded]);
    expect(row).toMatchObject({ state: 'CANCELLING', workerId: null, finishedAt: null });
    expect(row.cancellation).toMatchObject({ stoppedAt: NOW - 5, finalizedAt: null, outcome: null });
    expect(
      decideClaim(row, { workerId: 'worker-b', claimId: 'c', version: null, held: null }, NOW).kind,
    ).toBe('refused');
    const change = decideChildEnd(row, endedChild('CANCELLED'), NOW + 100);
    expect(change?.events.map(({ type }) => type)).toEqual(['child_finished', 'execution_cancelled']);
    const times = { stoppedAt: NOW - 5, finalizedAt: NOW + 100 };
    expect(change?.row).toMatchObject({
      state: 'CANCELLED',
      workerId: 'worker-a',
      finishedAt: NOW + 100,
      cancellation: { cleanup: 'succeeded', outcome: 'cancelled', ...times },
    });
  });

  it('waits for children that were told late, up to its last moment', () => {
    const latestAt = NOW + 20_000;
    const told = cancellation({ graceMs: GRACE_MS, deadlineAt: latestAt, latestAt });
    const { row } = apply({ ...cancelling, cancellation: told }, [
      { type: 'cancel_delivered', at: NOW },
      hasEnded,
    ]);
    expect(row.cancellation?.deadlineAt).toBe(NOW + GRACE_MS);
    expect(decideDue(row, LIMITS, latestAt - 1)).toBeNull();
    expect(decideDue(row, LIMITS, latestAt)).toMatchObject({ row: { state: 'CANCELLED' } });
  });

  it('never waits for children beyond its deadline, and not at all once it was killed', () => {
    const { row } = apply(cancelling, [hasEnded]);
    const { deadlineAt } = cancellation();
    expect(decideDue(row, LIMITS, deadlineAt - 1)).toBeNull();
    expect(decideDue(row, LIMITS, deadlineAt)).toMatchObject({ row: { state: 'CANCELLED' } });
    const forced = finished('cancelled', true, { forced: true, cleanup: 'timed_out' });
    expect(apply(cancelling, [forced]).row.state).toBe('CANCELLED');
  });

  it('waits for no child that is requested, abandoned or started in a shield', () => {
    const alone = { ...cancelling, children: children({ awaited: 0 }) };
    expect(apply(alone, [hasEnded]).row.state).toBe('CANCELLED');
  });
});

describe('the cancel of a child', () => {
  const request = (parent: Partial<ExecutionRow>, own: Partial<ParentLink> = {}, force = false) =>
    cancelRequestOf(parentWith(parent), childRow({}, own), force, LIMITS, NOW);
  const cancelling = { state: 'CANCELLING', cancellation: cancellation() } as const;

  it('hands down who and why, with a deadline within that of the parent', () => {
    const handed = { requestedBy: 'cli:ada', reason: 'wrong file', cause: 'parent', force: false };
    expect(request(cancelling)).toEqual({
      ...handed,
      gracePeriodMs: 8_100,
      spareMs: 900,
      latestAt: cancellation().deadlineAt,
    });
    expect(request(cancelling, { onParentCancel: 'request' })).toEqual({
      ...handed,
      gracePeriodMs: GRACE_MS,
    });
    expect(request(cancelling, { onParentCancel: 'abandon' })).toBeNull();
    expect(request(cancelling, {}, true)).toMatchObject({ force: true });
  });

  it('that comes late, since something was away, leaves half of the time of its parent', () => {
    const latestAt = NOW + 20_000;
    const late = (deadlineAt: number) =>
      request({ ...cancelling, cancellation: cancellation({ graceMs: GRACE_MS, deadlineAt, latestAt }) });
    const half = { gracePeriodMs: 4_500, spareMs: 500, latestAt };
    expect([NOW - 3_000, NOW + 1_000].map(late)).toMatchObject([half, half]);
    // Nobody has heard of it yet: whoever does has the whole time.
    expect(late(latestAt)).toMatchObject({ gracePeriodMs: 9_000 });
  });

  it('leaves each generation of a deep tree most of the time, and never more than its parent has', () => {
    let parent = parentWith(cancelling);
    const [first, ...rest] = Array.from({ length: 100 }, () => {
      const cancel = cancelRequestOf(parent, childRow({}), false, LIMITS, NOW);
      const deadlineAt = NOW + (cancel?.gracePeriodMs ?? 0);
      const spareMs = cancel?.spareMs ?? 0;
      parent = parentWith({
        ...cancelling,
        cancellation: cancellation({ requestedAt: NOW, deadlineAt, spareMs }),
      });
      // Its own cleanup begins after the deadline of its children.
      const childAt = NOW + (cancelRequestOf(parent, childRow(), false, LIMITS, NOW)?.gracePeriodMs ?? 0);
      expect(NOW + lastCallMs(deadlineAt - NOW, spareMs)).toBeGreaterThanOrEqual(childAt);
      return deadlineAt - NOW;
    });
    expect(first).toBe(8_100);
    expect(rest.every((time, index) => time <= (index === 0 ? (first ?? 0) : (rest[index - 1] ?? 0)))).toBe(
      true,
    );
    expect(rest.at(-1)).toBeGreaterThanOrEqual(7_200);
  });

  it('does not reach into a shield, until that was cut off itself', () => {
    const cancelled = (cleanup: 'succeeded' | 'timed_out') =>
      ({ state: 'CANCELLED', cancellation: cancellation({ cleanup }) }) as const;
    expect(request(cancelling, { shielded: true })).toBeNull();
    expect(request(cancelled('succeeded'), { shielded: true })).toBeNull();
    expect(request(cancelled('timed_out'), { shielded: true })).toMatchObject({ cause: 'parent' });
  });

  it('comes with the end of a parent that called it, not of one that started it', () => {
    expect(request({ state: 'FAILED' })).toMatchObject({ requestedBy: 'flux', reason: 'its parent failed' });
    expect(request({ state: 'COMPLETED' })).toMatchObject({ requestedBy: 'flux', cause: 'parent' });
    expect(request({ state: 'FAILED' }, { called: false })).toBeNull();
    expect(request({ state: 'RUNNING' })).toBeNull();
  });

  it('changes nothing the second time', () => {
    const parent = parentWith(cancelling);
    const first = decideChildCancel(parent, childRow(), false, LIMITS, NOW);
    expect(first?.row.state).toBe('CANCELLING');
    expect(first && decideChildCancel(parent, first.row, false, LIMITS, NOW + 1)).toBeNull();
  });
});

describe('what a change means to the family', () => {
  const kinds = (before: ExecutionRow, after: ExecutionRow) =>
    familyMessages(before, after).map(({ kind, body }) => [kind, body]);

  it('an end goes up to the parent', () => {
    const before = childRow();
    expect(kinds(before, { ...before, state: 'COMPLETED' })).toEqual([
      ['child_ended', { executionId: CHILD_ID }],
    ]);
  });

  it('a cancel goes down to open children: when it begins, with force again, and at the end', () => {
    const before = parentWith({});
    const after = parentWith({ state: 'CANCELLING', cancellation: cancellation() });
    const forced = { ...after, cancellation: cancellation({ deadlineAt: NOW }) };
    expect(kinds(before, after)).toEqual([['cancel_children', { force: false }]]);
    expect(kinds(after, after)).toEqual([]);
    expect(kinds(after, forced)).toEqual([['cancel_children', { force: true }]]);
    expect(kinds(after, { ...after, state: 'CANCELLED' })).toEqual([['cancel_children', { force: false }]]);
    const childless = parentWith({}, { open: 0, awaited: 0 });
    expect(kinds(childless, { ...childless, state: 'FAILED' })).toEqual([]);
  });
});
