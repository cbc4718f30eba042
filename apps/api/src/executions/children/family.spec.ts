import { describe, expect, it } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { decideCheckpoint } from '../../checkpoints/decide-checkpoint.js';
import { decideClaim } from '../../claims/decide-claim.js';
import { decideDue } from '../../sweeper/decide-due.js';
import { cancellation, cancellingRow, executionRow, finished, NOW } from '../../testing/execution-rows.js';
import { decideCancel } from '../cancel/decide-cancel.js';
import type { Change, ExecutionRow } from '../execution-row.js';
import { newExecution } from '../start/starter.js';
import type { Admission } from './decide-child-start.js';
import type { EndedChild } from './child-messages.js';
import { cancelRequestOf, decideChildCancel } from './decide-child-cancel.js';
import { decideChildEnd } from './decide-child-end.js';
import { familyMessages, type Children, type ParentLink } from './family.js';

const GRACE_MS = 10_000;
const CHILD_ID = '01926a3e-0000-7000-8000-000000000002';

const link = (changes: Partial<ParentLink> = {}): ParentLink => ({
  executionId: executionRow().id,
  rootExecutionId: executionRow().id,
  ...{ callId: '$call.crawl#0', name: '$call.crawl', onParentCancel: 'wait', called: true, shielded: false },
  ...changes,
});
const children = (changes: Partial<Children> = {}): Children => ({
  ...{ open: 1, awaited: 1, finished: 0, held: null },
  ...changes,
});
const parentWith = (changes: Partial<ExecutionRow>, own: Partial<Children> = {}): ExecutionRow =>
  executionRow({ children: children(own), ...changes });
const childRow = (changes: Partial<ExecutionRow> = {}, parent: Partial<ParentLink> = {}): ExecutionRow =>
  executionRow({ id: CHILD_ID, parent: link(parent), ...changes });

const definition = {
  ...{ workflowName: 'crawl', version: null, inputSchema: null, gracePeriodMs: null, timeoutMs: null },
  runner: 'shared' as const,
};
const admitted: Admission = { ok: true, definition, defaultGraceMs: GRACE_MS };

function endedChild(state: 'COMPLETED' | 'CANCELLED', parent: Partial<ParentLink> = {}): EndedChild {
  const command = {
    ...{ workflowName: 'crawl', input: {}, executionId: CHILD_ID, idempotencyKey: undefined },
    ...{ labels: {}, timeoutMs: undefined, requestedBy: 'parent' },
  };
  const { record } = newExecution(command, definition, NOW);
  const cancel = state === 'CANCELLED' ? cancellation() : null;
  return { ...record, parent: link(parent), state, cancellation: cancel, output: 7, outputTypes: undefined };
}

const startEvent = (onParentCancel: ParentLink['onParentCancel'], shielded = false): CheckpointEvent => ({
  ...{ type: 'child_started', callId: '$call.crawl#0', name: '$call.crawl', at: NOW },
  child: {
    ...{ executionId: CHILD_ID, workflowName: 'crawl', onParentCancel, shielded, called: true },
    ...{ input: {}, labels: {}, timeoutMs: null },
  },
});

function apply(row: ExecutionRow, events: CheckpointEvent[], admission: Admission = admitted): Change {
  const { id: executionId, attempt, checkpointSeq } = row;
  const checkpoint = { executionId, attempt, seq: checkpointSeq + 1, events };
  const verdict = decideCheckpoint(row, row.workerId ?? '', checkpoint, NOW, () => admission);
  if (verdict.kind !== 'applied') throw new Error(verdict.kind);
  return verdict.change;
}

describe('the start of a child', () => {
  it('counts it with its parent, and hands it its place in the family', () => {
    const change = apply(executionRow(), [startEvent('wait')]);
    expect(change.row.children).toEqual({ open: 1, awaited: 1, finished: 0, held: null });
    expect(change.events).toMatchObject([{ type: 'child_started', data: { executionId: CHILD_ID } }]);
    const { id } = executionRow();
    expect(change.children).toMatchObject([
      {
        start: { record: { id: CHILD_ID, parentExecutionId: id, rootExecutionId: id, parent: link() } },
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

  it('that is refused starts nothing, and its parent is told', () => {
    const error = { code: 'WORKFLOW_NOT_FOUND', name: 'FluxError', message: 'nobody has it' };
    const change = apply(executionRow(), [startEvent('wait')], { ok: false, error });
    expect(change.children).toBeUndefined();
    expect(change.row.children).toEqual({ open: 0, awaited: 0, finished: 1, held: null });
    expect(change.outbox).toMatchObject([
      { kind: 'child', target: 'worker-a', body: { entry: { number: 1, end: { state: 'REFUSED', error } } } },
    ]);
  });
});

describe('the end of a child', () => {
  it('is recorded with its parent, whose owner is told', () => {
    const change = decideChildEnd(parentWith({}), endedChild('COMPLETED'), NOW);
    expect(change?.row.children).toEqual({ open: 0, awaited: 0, finished: 1, held: null });
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

  it('is nothing to a parent that has ended', () => {
    for (const state of ['COMPLETED', 'FAILED', 'CANCELLED'] as const) {
      expect(decideChildEnd(parentWith({ state }), endedChild('COMPLETED'), NOW)).toBeNull();
    }
  });

  it('that came while its parent was about to sleep wakes it at once', () => {
    const parked = (childrenHeard: number): CheckpointEvent => ({
      ...{ type: 'parked', kind: 'child', callId: '$call.crawl#0', name: null, dueAt: null, at: NOW },
      childrenHeard,
    });
    const row = parentWith({}, { open: 0, awaited: 0, finished: 1 });
    expect(apply(row, [parked(0)])).toMatchObject({ row: { state: 'SCHEDULED' }, outbox: [{ kind: 'run' }] });
    expect(apply(row, [parked(1)])).toMatchObject({ row: { state: 'SLEEPING', workerId: null }, outbox: [] });
  });
});

describe('a cancelled parent', () => {
  const unowned = { workerId: null, claimId: null };

  it('that nobody runs is dispatched after its children, or shortly before its deadline', () => {
    const sleeping = parentWith({ state: 'SLEEPING', ...unowned });
    const request = { requestedBy: 'cli:ada', reason: null, cause: 'request', force: false } as const;
    const decision = decideCancel(sleeping, { ...request, gracePeriodMs: GRACE_MS }, GRACE_MS, NOW);
    if (decision.kind !== 'accepted' || !decision.change) throw new Error('refused');
    expect(decision.change).toMatchObject({ row: { nextDispatchAt: NOW + 9_500 }, outbox: [] });
    const { row } = decision.change;
    expect(decideDue(row, GRACE_MS, NOW + 9_500)).toMatchObject({
      outbox: [{ kind: 'run' }, { kind: 'offer' }],
    });
    expect(decideChildEnd(row, endedChild('CANCELLED'), NOW + 5)).toMatchObject({
      ...{ row: { state: 'CANCELLING' }, outbox: [{ kind: 'run' }] },
    });
  });

  it('whose body has ended is final with its last child, and not before; nobody may claim it', () => {
    const { row } = apply(parentWith({ state: 'CANCELLING', cancellation: cancellation() }), [
      finished('cancelled', true),
    ]);
    expect(row).toMatchObject({ state: 'CANCELLING', workerId: null, finishedAt: null });
    expect(row.cancellation).toMatchObject({ stoppedAt: NOW - 5, finalizedAt: null, outcome: null });
    expect(decideClaim(row, { workerId: 'worker-b', claimId: 'c', version: null }, NOW).kind).toBe('refused');
    const change = decideChildEnd(row, endedChild('CANCELLED'), NOW + 100);
    expect(change?.events.map(({ type }) => type)).toEqual(['child_finished', 'execution_cancelled']);
    expect(change?.row).toMatchObject({
      ...{ state: 'CANCELLED', workerId: 'worker-a', finishedAt: NOW + 100 },
      cancellation: {
        cleanup: 'succeeded',
        outcome: 'cancelled',
        stoppedAt: NOW - 5,
        finalizedAt: NOW + 100,
      },
    });
  });

  it('never waits for children beyond its deadline, and not at all once it was killed', () => {
    const cancelling = parentWith({ state: 'CANCELLING', cancellation: cancellation() });
    const { row } = apply(cancelling, [finished('cancelled', true)]);
    const { deadlineAt } = cancellation();
    expect(decideDue(row, GRACE_MS, deadlineAt - 1)).toBeNull();
    expect(decideDue(row, GRACE_MS, deadlineAt)).toMatchObject({ row: { state: 'CANCELLED' } });
    const forced = finished('cancelled', true, { forced: true, cleanup: 'timed_out' });
    expect(apply(cancelling, [forced]).row.state).toBe('CANCELLED');
  });

  it('waits for no child that is requested, abandoned or started in a shield', () => {
    const cancelling = parentWith({ state: 'CANCELLING', cancellation: cancellation() }, { awaited: 0 });
    expect(apply(cancelling, [finished('cancelled', true)]).row.state).toBe('CANCELLED');
  });
});

describe('the cancel of a child', () => {
  const request = (parent: Partial<ExecutionRow>, own: Partial<ParentLink> = {}, force = false) =>
    cancelRequestOf(parentWith(parent), childRow({}, own), force, GRACE_MS, NOW);
  const cancelling = { state: 'CANCELLING', cancellation: cancellation() } as const;

  it('hands down who and why, with a deadline within that of the parent', () => {
    const handed = { requestedBy: 'cli:ada', reason: 'wrong file', cause: 'parent', force: false };
    expect(request(cancelling)).toEqual({ ...handed, gracePeriodMs: 8_100 });
    expect(request(cancelling, { onParentCancel: 'request' })).toEqual({
      ...handed,
      gracePeriodMs: GRACE_MS,
    });
    expect(request(cancelling, { onParentCancel: 'abandon' })).toBeNull();
    expect(request(cancelling, {}, true)).toMatchObject({ force: true });
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
    const first = decideChildCancel(parent, childRow(), false, GRACE_MS, NOW);
    expect(first?.row.state).toBe('CANCELLING');
    expect(first && decideChildCancel(parent, first.row, false, GRACE_MS, NOW + 1)).toBeNull();
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
