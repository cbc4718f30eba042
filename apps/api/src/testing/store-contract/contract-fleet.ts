import { expect, it } from '@jest/globals';
import type { WorkerWish } from '@flux/contracts';
import { OUTBOX_LEASE_MS } from '../../lifecycle/messages.js';
import { DEFINITION, idsOf, startOf, WORKER, type Contextual } from './context.js';

export function describeOutbox(context: Contextual): void {
  it('gives a row to one, for a while, and oldest first up to a limit', async () => {
    const { stores, harness } = context();
    const starts = [startOf(), startOf(), startOf()];
    for (const start of starts) {
      await stores.executions.insert([start]);
      harness.pass(1);
    }
    expect(await stores.outbox.take(10)).toEqual([]);
    harness.pass(OUTBOX_LEASE_MS);
    const taken = await stores.outbox.take(2);
    expect(idsOf(taken)).toEqual(idsOf(starts.slice(0, 2).map(({ run }) => run)));
    expect(await stores.outbox.take(2)).toEqual([starts[2]?.run]);
    expect(await stores.outbox.take(2)).toEqual([]);
    harness.pass(OUTBOX_LEASE_MS);
    expect(await stores.outbox.take(10)).toHaveLength(3);
  });

  it('gives rows of some kinds', async () => {
    const { stores, harness } = context();
    const row = await context().run('worker-a');
    const outbox = [{ kind: 'child_ended', target: row.id, body: { executionId: row.id } }] as const;
    await context().change(row, {}, { outbox });
    harness.pass(OUTBOX_LEASE_MS);
    expect(await stores.outbox.take(10, ['child_ended', 'cancel_children'])).toMatchObject(outbox);
  });

  it('deletes rows', async () => {
    const { executions, outbox } = context().stores;
    const [a, b] = [startOf(), startOf()];
    await executions.insert([a, b]);
    await outbox.delete([a.run.id]);
    expect(await outbox.findPresent([a.run.id, b.run.id])).toEqual(new Set([b.run.id]));
  });
}

export function describePieces(context: Contextual): void {
  const [one, other] = [crypto.randomUUID(), crypto.randomUUID()];
  const put = (valueId: string, index: number, text: string): Promise<void> =>
    context().stores.pieces.put({ valueId, index, data: Buffer.from(text) });
  const read = async (valueIds: readonly string[]): Promise<string[]> =>
    (await context().stores.pieces.read(valueIds)).map(({ index, data }) => `${index} ${data.toString()}`);

  it('keeps pieces, each once, and reads those of a value in their order', async () => {
    await put(one, 1, 'b\0');
    await put(one, 0, 'a');
    await put(one, 0, 'again');
    await put(other, 0, 'other');
    expect(await read([one])).toEqual(['0 a', '1 b\0']);
    expect(await read([one, other])).toHaveLength(3);
  });

  it('deletes the pieces of values, and those that have been here for long', async () => {
    const { stores, harness } = context();
    await put(one, 0, 'a');
    await put(other, 0, 'b');
    await stores.pieces.delete([one]);
    expect(await read([one, other])).toEqual(['0 b']);
    harness.pass(1_000);
    await put(one, 0, 'a');
    await stores.pieces.forget(500);
    expect(await read([one, other])).toEqual(['0 a']);
  });
}

const NO_WISH = { number: 0, kind: null };

export function describeWorkers(context: Contextual): void {
  it('knows which are live, for how long, and what they take', async () => {
    const { harness } = context();
    const { workers } = context().stores;
    await workers.register({ ...WORKER, workerId: 'b' }, 1_000);
    await workers.register({ ...WORKER, workerId: 'a' }, 100);
    expect((await workers.findLive()).sort()).toEqual(['a', 'b']);
    const a = { workerId: 'a', workflows: ['crawl'], versions: [''], isPaused: false };
    expect(await workers.readAvailable(50)).toEqual([a, { ...a, workerId: 'b' }]);
    harness.pass(101);
    expect(await workers.readAvailable(50)).toEqual([]);
    expect(await workers.renewLease({ workerId: 'a', state: 'running', blocked: [] }, 100)).toEqual(NO_WISH);
    expect(await workers.renewLease({ workerId: 'b', state: 'draining', blocked: [] }, 100)).toEqual(NO_WISH);
    // A worker that drains is live and takes nothing.
    expect(await workers.readAvailable(50)).toEqual([a]);
    expect(await workers.readWish('b')).toEqual(NO_WISH);
  });

  it('asks workers before their lease is over, and finds those that have not answered', async () => {
    const { harness } = context();
    const { workers } = context().stores;
    const beat = (workerId: string) => workers.renewLease({ workerId, state: 'running', blocked: [] }, 100);
    for (const workerId of ['a', 'b']) await workers.register({ ...WORKER, workerId }, 100);
    await workers.register({ ...WORKER, workerId: 'c' }, 1_000);
    expect(await workers.askExpiring(40)).toEqual([]);
    harness.pass(61);
    expect((await workers.askExpiring(40)).sort()).toEqual(['a', 'b']);
    harness.pass(20);
    expect((await workers.askExpiring(40)).sort()).toEqual(['a', 'b']);
    await beat('b');
    expect(await workers.findExpired(0)).toEqual([]);
    harness.pass(21);
    // Nobody asked meanwhile, as when the database was away.
    expect(await workers.findExpired(42)).toEqual([]);
    expect(await workers.findExpired(41)).toEqual(['a']);
    harness.pass(100);
    expect(await workers.findExpired(0)).toEqual(['a']);
    expect((await workers.askExpiring(0)).sort()).toEqual(['a', 'b']);
    expect((await workers.findExpired(0)).sort()).toEqual(['a', 'b']);
    await beat('a');
    await workers.register({ ...WORKER, workerId: 'b' }, 100);
    harness.pass(101);
    expect(await workers.findExpired(0)).toEqual([]);
  });

  it('ends those that are live, once, and knows one again that registers anew', async () => {
    const { workers } = context().stores;
    await workers.register(WORKER, 1_000);
    expect(await workers.end(['worker-a', 'nobody'], 'lost')).toEqual(['worker-a']);
    expect(await workers.end(['worker-a'], 'stopped')).toEqual([]);
    expect(await workers.readWish('worker-a')).toBeUndefined();
    const state = 'running';
    expect(await workers.renewLease({ workerId: 'worker-a', state, blocked: [] }, 100)).toBeUndefined();
    await workers.register(WORKER, 1_000);
    expect(await workers.readWish('worker-a')).toEqual(NO_WISH);
    expect(await workers.readWish('nobody')).toBeUndefined();
  });

  it('keeps what the workers of a name were asked by hand, for those that come later too', async () => {
    const { workers } = context().stores;
    const wish = (kind: WorkerWish['kind'], name = WORKER.name) =>
      workers.wish(name, { kind, requestedBy: 'cli:ada', reason: null });
    const available = async () => {
      const found = await workers.readAvailable(1_000);
      return found.map(({ workerId, isPaused }) => `${workerId} ${isPaused}`);
    };
    expect(await wish('pause')).toBeUndefined();
    expect(await workers.register({ ...WORKER, workerId: 'a@1' }, 1_000)).toEqual(NO_WISH);
    await workers.register({ ...WORKER, workerId: 'b', name: 'b' }, 1_000);
    expect(await wish(null)).toEqual({ wish: NO_WISH, isNew: false });
    const paused = { number: 1, kind: 'pause' };
    expect(await wish('pause')).toEqual({ wish: paused, isNew: true });
    expect(await wish('pause')).toEqual({ wish: paused, isNew: false });
    expect(await workers.renewLease({ workerId: 'a@1', state: 'running', blocked: [] }, 1_000)).toEqual(
      paused,
    );
    expect(await workers.readWish('a@1')).toEqual(paused);
    expect(await workers.readWish('b')).toEqual(NO_WISH);
    expect(await available()).toEqual(['a@1 true', 'b false']);
    await workers.end(['a@1'], 'stopped');
    expect(await workers.register({ ...WORKER, workerId: 'a@2' }, 1_000)).toEqual(paused);
    expect(await wish('drain')).toEqual({ wish: { number: 2, kind: 'drain' }, isNew: true });
    expect(await available()).toEqual(['b false']);
    expect(await wish(null)).toEqual({ wish: { number: 3, kind: null }, isNew: true });
    expect(await wish(null)).toEqual({ wish: { number: 3, kind: null }, isNew: false });
    expect(await available()).toEqual(['a@2 false', 'b false']);
    expect(await wish('pause', 'nobody')).toBeUndefined();
  });

  it('tells the newest version of each workflow that a running worker has, else the newest', async () => {
    const { stores, harness } = context();
    const { workers, workflows } = stores;
    const v1 = { ...DEFINITION, version: '1', cancelOn: [{ event: 'gone', key: 'user' }] };
    const v2 = { ...DEFINITION, version: '2', inputSchema: { type: 'object' }, timeoutMs: 5 };
    const index = { ...DEFINITION, workflowName: 'index' };
    await workers.register({ ...WORKER, workerId: 'old', workflows: [v1] }, 1_000);
    harness.pass(1);
    await workers.register({ ...WORKER, workerId: 'new', workflows: [v2, index] }, 1_000);
    harness.pass(1);
    await workers.register({ ...WORKER, workerId: 'old', workflows: [v1] }, 1_000);
    expect(await workflows.readNewest()).toEqual([v2, index]);
    const versions = (await workflows.readLiveVersions()).map(
      (each) => `${each.workflowName} ${each.version}`,
    );
    expect(versions.sort()).toEqual(['crawl 1', 'crawl 2', 'index ']);
    await workers.renewLease({ workerId: 'new', state: 'draining', blocked: [] }, 1_000);
    expect(await workflows.readNewest()).toEqual([v1, index]);
    await workers.end(['old'], 'stopped');
    expect(await workflows.readNewest()).toEqual([v2, index]);
    expect(await workflows.readLiveVersions()).toEqual([]);
  });
}
