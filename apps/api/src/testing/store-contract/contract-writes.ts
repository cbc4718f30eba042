import { expect, it } from '@jest/globals';
import { v7 as uuid } from 'uuid';
import type { ExecutionRow } from '../../lifecycle/execution.js';
import { OUTBOX_LEASE_MS } from '../../lifecycle/messages.js';
import { PendingWrite } from '../../store/pending-write.js';
import { ChildIdTakenError } from '../../store/ports.js';
import { cancellation, finished, NOW, parentLink } from '../execution-rows.js';
import { event, idsOf, someMessage, startOf, type Contextual } from './context.js';

export function describeStarts(context: Contextual): void {
  it('keeps all of a record, its first event and its run message', async () => {
    const { stores, harness } = context();
    const parent = parentLink({ executionId: uuid(), rootExecutionId: uuid() });
    const links = { parent, parentExecutionId: parent.executionId, rootExecutionId: parent.rootExecutionId };
    const child = startOf({ timeoutMs: 60_000 }, links);
    const bare = startOf({ input: null, labels: {} });
    const created = await stores.executions.insert([child, bare]);
    expect([...created].sort()).toEqual([child.start.record.id, bare.start.record.id].sort());
    const { id } = child.start.record;
    expect(await stores.executions.readRecords([id])).toEqual([child.start.record]);
    expect(await stores.executions.readRecords([bare.start.record.id])).toEqual([bare.start.record]);
    const [withInput] = await stores.executions.readRowsWithInput([id], 1000);
    const { input, output, error, labels, parentExecutionId, rootExecutionId, createdAt, ...row } =
      child.start.record;
    expect([output, error, labels, createdAt]).toEqual([null, null, { team: 'search' }, NOW]);
    expect([parentExecutionId, rootExecutionId]).toEqual([parent.executionId, parent.rootExecutionId]);
    expect(withInput).toEqual({ ...row, input, isInputLarge: false });
    const [without] = await stores.executions.readRowsWithInput([id], 10);
    expect(without).toEqual({ ...row, input: null, isInputLarge: true });
    expect(await context().row(id)).toEqual(row);
    const first = {
      seq: 1,
      type: 'execution_scheduled',
      at: NOW,
      attempt: 0,
      data: { requestedBy: 'cli:ada' },
    };
    expect(await context().events(id, 0)).toEqual([first]);
    harness.pass(OUTBOX_LEASE_MS);
    expect(await stores.outbox.take(10)).toEqual(expect.arrayContaining([child.run, bare.run]));
  });

  it('leaves out one whose id or key is there, and finds that by its key', async () => {
    const { stores } = context();
    const first = await context().start({ idempotencyKey: 'k' });
    const others = [
      startOf({ executionId: first.id }),
      startOf({ idempotencyKey: 'k' }),
      startOf({ idempotencyKey: 'other' }),
      startOf({ workflowName: 'index', idempotencyKey: 'k' }),
    ];
    const created = await stores.executions.insert(others);
    expect([...created].sort()).toEqual(idsOf(others.slice(2).map(({ start }) => start.record)));
    expect(await stores.executions.findByKey('crawl', 'k')).toBe(first.id);
    expect(await stores.executions.findByKey('crawl', 'none')).toBeUndefined();
    expect(await context().events(first.id, 0)).toHaveLength(1);
  });

  it('reads what there is, each once', async () => {
    const { executions } = context().stores;
    const [a, b] = [await context().start(), await context().start()];
    const asked = [a.id, uuid(), b.id, a.id];
    expect(idsOf(await executions.readRows(asked))).toEqual(idsOf([a, b]));
    const states = await executions.readStates([a.id]);
    expect(states).toEqual([{ executionId: a.id, state: 'SCHEDULED', seq: 1 }]);
    expect(await executions.readRecords([])).toEqual([]);
  });
}

/** A value other than that of a new execution, for each column that a change sets. */
const CHANGED: Partial<ExecutionRow> = {
  workflowVersion: '7',
  state: 'CANCELLING',
  attempt: 2,
  workerId: 'worker-a',
  claimId: 'claim-2',
  checkpointSeq: 3,
  startedAt: NOW + 1,
  finishedAt: NOW + 2,
  timeoutAt: NOW + 3,
  gracePeriodMs: 12.5,
  cancellation: cancellation({ before: { state: 'PAUSED', parking: null, attempt: 1 } }),
  parking: { parked: null, pauseAsked: true, kept: [{ requestedBy: 'ada', value: '\u0000' }] },
  children: {
    open: 1,
    awaited: 1,
    finished: 4,
    endedBody: { event: finished('cancelled', true), workerId: null },
  },
  nextDispatchAt: NOW + 5,
  dispatchCount: -5,
  runnerLosses: 2,
};

const STARTED = event('execution_started', { workerId: 'worker-a' });
const DELIVERED = event('cancel_delivered', { workerId: 'worker-a' });

export function describeChanges(context: Contextual): void {
  it('keeps all of a change, its events and its messages', async () => {
    const { stores, harness } = context();
    const before = await context().start();
    const message = someMessage('worker-a');
    const rest = {
      events: [STARTED, DELIVERED],
      outbox: [message],
    };
    const after = await context().change(before, CHANGED, rest);
    const { version, lastEventSeq } = before;
    expect(after).toMatchObject({
      ...CHANGED,
      id: before.id,
      version: version + 1,
      lastEventSeq: lastEventSeq + 2,
    });
    expect(await context().events(before.id, 1)).toEqual([
      { ...STARTED, seq: 2 },
      { ...DELIVERED, seq: 3 },
    ]);
    harness.pass(OUTBOX_LEASE_MS);
    expect(await stores.outbox.take(10)).toContainEqual({ ...message, id: expect.any(String) });
  });

  it('keeps a result, and lets one that is there stand', async () => {
    const row = await context().run('worker-a');
    await context().change(row, {}, { result: { output: { n: 1 } } });
    await context().change(
      await context().row(row.id),
      {},
      { result: { error: { name: 'E', message: 'm' } } },
    );
    await context().change(await context().row(row.id), { dispatchCount: 1 });
    const [record] = await context().stores.executions.readRecords([row.id]);
    expect(record).toMatchObject({ output: { n: 1 }, error: { name: 'E', message: 'm' }, version: 5 });
  });

  it('leaves out whole what was decided on another version, and nothing beside it', async () => {
    const { stores, harness } = context();
    const [stale, fresh] = [await context().start(), await context().start()];
    await context().change(stale, { dispatchCount: 1 });
    const writes = [stale, fresh].map((record) => {
      const write = new PendingWrite<ExecutionRow>(record);
      const outbox = [someMessage(record.id)];
      write.add({ row: { ...record, dispatchCount: 9 }, events: [DELIVERED], outbox });
      return write;
    });
    expect(await stores.executions.write(writes)).toEqual(new Set([fresh.id]));
    expect(await context().row(stale.id)).toMatchObject({ dispatchCount: 1, version: 2, lastEventSeq: 1 });
    expect(await context().row(fresh.id)).toMatchObject({ dispatchCount: 9, version: 2, lastEventSeq: 2 });
    expect(await context().events(stale.id, 1)).toEqual([]);
    harness.pass(OUTBOX_LEASE_MS);
    const targets = (await stores.outbox.take(10)).map(({ target }) => target);
    expect(targets).toContain(fresh.id);
    expect(targets).not.toContain(stale.id);
  });
}

export function describeFamilies(context: Contextual): void {
  it('writes a parent, its child, the cancel of one that is caught, and the end of outbox rows as one', async () => {
    const { stores } = context();
    const { start } = startOf();
    const { record } = start;
    const caught = {
      events: [DELIVERED],
      outbox: [],
      row: { ...record, state: 'CANCELLED', cancellation: cancellation(), nextDispatchAt: null } as const,
    };
    const parent = await context().run('worker-a');
    const done = startOf();
    await stores.executions.insert([done]);
    await context().change(parent, {}, { children: [{ start, caught }], consumes: [done.run.id] });
    expect(await context().row(record.id)).toMatchObject({ state: 'CANCELLED', version: 2, lastEventSeq: 2 });
    expect(await stores.outbox.findPresent([done.run.id])).toEqual(new Set());
  });

  it('writes nothing where the id of a child is taken', async () => {
    const parent = await context().run('worker-a');
    const { start } = startOf({ executionId: parent.id });
    const change = context().change(parent, { dispatchCount: 3 }, { children: [{ start, caught: null }] });
    await expect(change).rejects.toThrow(ChildIdTakenError);
    expect(await context().row(parent.id)).toEqual(parent);
  });

  it('writes no child of a change that is left out', async () => {
    const parent = await context().run('worker-a');
    const { start } = startOf();
    const stale = { ...parent, version: 1 };
    expect(await context().change(stale, {}, { children: [{ start, caught: null }] })).toBeUndefined();
    expect(await context().stores.executions.readRows([start.record.id])).toEqual([]);
  });

  it('finds the children that have not ended', async () => {
    const { executions } = context().stores;
    const parentExecutionId = uuid();
    const open = await context().start({}, { parentExecutionId });
    const ended = await context().start({}, { parentExecutionId });
    await context().start();
    await context().change(ended, { state: 'FAILED' });
    expect(await executions.findOpenChildren(parentExecutionId)).toEqual([open.id]);
  });
}
