import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { executionResource, pageOf, type ExecutionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { passTimeLimit } from './support/time-limit.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { cancelled, end, expectLegal, reach, started } = flux.rest;

async function childrenOf({ executionId }: ExecutionResource, count: number): Promise<ExecutionResource[]> {
  return until(`${count} children`, async () => {
    const children = await flux.rest.list(
      `/executions?parentExecutionId=${executionId}&limit=1000&include=input,output`,
      pageOf(executionResource),
    );
    return children.length >= count && children;
  });
}

async function childOf(parent: ExecutionResource): Promise<ExecutionResource> {
  const [child] = await childrenOf(parent, 1);
  if (!child) throw new Error('no child');
  return child;
}

/** Every line of the file with its words. */
const lines = (file: string): string[][] => linesOf(file).map((line) => line.split(' '));

const timesOf = ({ cancellation, finishedAt }: ExecutionResource): { requested: number; ended: number } => ({
  requested: Date.parse(cancellation?.requestedAt ?? ''),
  ended: Date.parse(finishedAt ?? ''),
});

describe('a child', () => {
  it('gives call() its output as it was, or a typed error that tells how it ended (elsewhere: call() returns nothing for one that was cancelled)', async () => {
    const taken = await flux.rest.start('one_task', {});
    const parent = await flux.rest.start('teller', {
      children: [
        { workflow: 'double', input: { value: 21 }, options: { labels: { team: 'media' } } },
        { workflow: 'double', input: { value: -1 } },
        { workflow: 'double', input: { value: 'no number' } },
        { workflow: 'nobody_has_it', input: {} },
        { workflow: 'double', input: { value: 1 }, options: { executionId: taken.executionId } },
        { workflow: 'sleeper', input: { for: '1h' }, options: { timeout: '300ms' } },
      ],
    });
    const done = await end(parent);
    expect(done).toMatchObject({ state: 'COMPLETED', parentExecutionId: null, rootExecutionId: null });
    const refused = (workflowName: string, code: string): unknown =>
      expect.objectContaining({
        kind: 'ChildFailedError',
        code: 'CHILD_FAILED',
        workflowName,
        executionId: null,
        cause: expect.objectContaining({ code }),
      });
    expect(done.output).toEqual([
      { output: { value: 42, at: expect.anything(), attempt: 1 }, isDate: true },
      expect.objectContaining({
        kind: 'ChildFailedError',
        code: 'CHILD_FAILED',
        executionId: expect.any(String),
        cause: expect.objectContaining({ name: 'RangeError', message: 'negative' }),
      }),
      refused('double', 'INVALID_INPUT'),
      refused('nobody_has_it', 'WORKFLOW_NOT_FOUND'),
      refused('double', 'EXECUTION_CONFLICT'),
      expect.objectContaining({
        kind: 'ChildCancelledError',
        cause: 'timeout',
        requestedBy: 'flux',
        isCancelled: false,
      }),
    ]);
    const children = await childrenOf(done, 3);
    expect(children).toHaveLength(3);
    for (const child of children) {
      expect(child).toMatchObject({
        parentExecutionId: parent.executionId,
        rootExecutionId: parent.executionId,
      });
      await expectLegal(child);
    }
    expect(children.find(({ labels }) => labels.team === 'media')).toMatchObject({ output: { value: 42 } });
    await expectLegal(done);
  }, 60_000);

  it.each(['half \ud83d', 'NUL \0', '\udc00\ud800'])(
    'that returns or throws %j tells its parent, as its neighbours do',
    async (text) => {
      const children = [false, true].map((fails) => ({ workflow: 'awkward', input: { text, fails } }));
      const parent = await flux.rest.start('teller', {
        children: [...children, { workflow: 'double', input: { value: 2 } }],
      });
      expect(await end(parent)).toMatchObject({
        state: 'COMPLETED',
        output: [
          { output: { text }, isDate: true },
          { code: 'CHILD_FAILED', cause: { name: 'RangeError', message: text } },
          { output: { value: 4 } },
        ],
      });
    },
    60_000,
  );

  it('that is cancelled lets its parent go on at once, and does not cancel it (elsewhere: a parent waits for ever on its cancelled child)', async () => {
    const parent = await flux.rest.start('teller', { children: [{ workflow: 'sleeper', input: {} }] });
    const child = await childOf(parent);
    await reach(child, 'RUNNING');
    await flux.rest.cancel(child, '', { reason: 'not needed' });
    const done = await end(parent);
    expect(done).toMatchObject({
      state: 'COMPLETED',
      cancellation: null,
      output: [
        { kind: 'ChildCancelledError', reason: 'not needed', requestedBy: 'anonymous', isCancelled: false },
      ],
    });
  }, 60_000);

  it('that is waited for alone takes no place: its parent sleeps, survives its worker and is replayed', async () => {
    const parent = await flux.rest.start('teller', {
      children: [{ workflow: 'sleeper', input: { for: '3500ms' } }],
    });
    const asleep = await reach(parent, 'SLEEPING');
    expect(asleep).toMatchObject({ workerId: null, waiting: { for: 'child', until: null } });
    const status = await flux.cli('workflow', 'status', 'teller', parent.executionId, '--detailed');
    const { executionId: childId } = await childOf(parent);
    expect(status.stdout).toContain('for a child');
    expect(status.stdout).toContain(`child sleeper ${childId} started`);
    await flux.worker.kill();
    await flux.startWorker('worker-b');
    const done = await end(parent);
    expect(done).toMatchObject({ state: 'COMPLETED', attempt: 2, output: [{ output: { slept: true } }] });
    expect((await flux.rest.typesOf(done)).slice(-6)).toEqual([
      'execution_sleeping',
      'child_finished',
      'execution_woken',
      'execution_started',
      'child_joined',
      'execution_completed',
    ]);
    await expectLegal(done);
  }, 60_000);

  it('of ctx.start is not waited for; its result is the same in a replay', async () => {
    const parent = await flux.rest.start('starter', { value: 4 });
    await reach(parent, 'SLEEPING');
    const done = await end(parent);
    const children = await childrenOf(done, 2);
    const child = children.find(({ workflowName }) => workflowName === 'double');
    expect(done).toMatchObject({
      state: 'COMPLETED',
      attempt: 2,
      output: { child: child?.executionId, first: 8, again: 8 },
    });
    expect(child?.labels).toEqual({ kind: 'started' });
  }, 60_000);

  it('that was called ends with its failed parent, and one that was started lives on', async () => {
    const parent = await flux.rest.start('leaver', { file: temporaryFile('leaver') });
    const failed = await end(parent);
    const children = await childrenOf(failed, 2);
    const left = children.find(({ executionId }) => failed.error?.message === `left ${executionId}`);
    const called = children.find((child) => child !== left);
    expect(await end(called!)).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cause: 'parent', requestedBy: 'flux', reason: 'its parent failed' },
    });
    expect((await flux.rest.status('leaf', left!.executionId)).cancellation).toBeNull();
    await flux.rest.cancel(left!);
  }, 60_000);
});

describe('a cancel of a parent', () => {
  it('waits for its child: its own cleanup runs after the end of that, with who and why handed down', async () => {
    const file = temporaryFile('guardian');
    const parent = await flux.rest.start('guardian', { file });
    const child = await childOf(parent);
    await reach(child, 'RUNNING');
    const ended = await cancelled(parent, { reason: 'wrong file' });
    expect(ended.cancellation?.cleanup).toBe('succeeded');
    const done = await end(child);
    expect(done).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cause: 'parent', requestedBy: 'anonymous', reason: 'wrong file', cleanup: 'succeeded' },
    });
    const own = lines(file).find(([, id]) => id === parent.executionId);
    expect(Number(own?.[2])).toBeGreaterThanOrEqual(timesOf(done).ended);
    expect(timesOf(ended).ended).toBeGreaterThanOrEqual(timesOf(done).ended);
    await expectLegal(done);
  }, 60_000);

  it.each([
    ['request', 'CANCELLED'],
    ['abandon', 'SLEEPING'],
  ] as const)(
    'does not wait for a child under %s',
    async (onParentCancel, state) => {
      const parent = await flux.rest.start('guardian', {
        file: temporaryFile(onParentCancel),
        asleep: true,
        options: { onParentCancel },
      });
      const child = await childOf(parent);
      await reach(child, 'SLEEPING');
      await cancelled(parent);
      expect(await reach(child, state)).toMatchObject(
        state === 'CANCELLED' ? { cancellation: { cause: 'parent' } } : {},
      );
      if (state === 'SLEEPING') await flux.rest.cancel(child);
    },
    60_000,
  );

  it('ends the children that are being started, too (elsewhere: a cancel swallowed while a child is being started, children started during the cancel survive)', async () => {
    const file = temporaryFile('breeder');
    for (const pauseMs of [40, 160]) {
      const parent = await flux.rest.start('breeder', { file });
      await childrenOf(parent, 3);
      await wait(pauseMs);
      const finalized = timesOf(await cancelled(parent)).ended;
      const children = await childrenOf(parent, 3);
      for (const child of children) {
        expect(child).toMatchObject({ state: 'CANCELLED', cancellation: { cause: 'parent' } });
        expect(timesOf(child).ended).toBeLessThanOrEqual(finalized);
      }
    }
  }, 90_000);

  it('ends a parent whose child never cleans up within its grace period', async () => {
    const parent = await flux.rest.start('teller', { children: [{ workflow: 'stubborn', input: {} }] });
    const child = await childOf(parent);
    await reach(child, 'RUNNING');
    await MachinePace.beside(flux.sandbox.databaseUrl, async (pace) => {
      const { requested, ended } = timesOf(await cancelled(parent, { gracePeriod: '2s' }));
      expect(pace.fairMs(requested, ended)).toBeLessThan(4_000);
    });
    expect(await end(child)).toMatchObject({ state: 'CANCELLED', cancellation: { cleanup: 'timed_out' } });
  }, 60_000);

  it('by its own timeout reaches its children', async () => {
    const parent = await flux.rest.start('guardian', { file: temporaryFile('timeout') }, { timeout: '1h' });
    const child = await childOf(parent);
    await passTimeLimit(flux.sandbox, parent);
    expect(await end(parent)).toMatchObject({ state: 'CANCELLED', cancellation: { cause: 'timeout' } });
    expect(await end(child)).toMatchObject({ state: 'CANCELLED', cancellation: { cause: 'parent' } });
  }, 60_000);

  it('reaches the children of one whose worker dies right after it', async () => {
    const parent = await flux.rest.start('guardian', { file: temporaryFile('dying') });
    const child = await childOf(parent);
    await reach(child, 'RUNNING');
    await Promise.all([flux.rest.cancel(parent), flux.worker.kill()]);
    await flux.startWorker('worker-c');
    expect(await end(parent)).toMatchObject({ state: 'CANCELLED' });
    expect(await end(child)).toMatchObject({ state: 'CANCELLED' });
  }, 60_000);

  it('lets a compensating child in a shield run to its end', async () => {
    const parent = await started('compensating');
    expect((await cancelled(parent)).cancellation?.cleanup).toBe('succeeded');
    expect(await childOf(parent)).toMatchObject({ state: 'COMPLETED', output: { value: 42 } });
  }, 60_000);
});

describe('a tree', () => {
  it('stops on every level, at depth 10 and width 1,000, and writes nothing after the end (elsewhere: only the first level stops)', async () => {
    const file = temporaryFile('tree');
    const [depth, width] = [10, 1_000];
    const root = await flux.rest.start('tree', { file, depth, width });
    const leaves = await childrenOf(root, width - 1);
    expect(leaves.length).toBeGreaterThan(0);
    const count = (where: string): Promise<number> =>
      flux.count(`executions WHERE root_execution_id = '${root.executionId}' AND ${where}`);
    while ((await count("state = 'SLEEPING'")) < width || (await count('true')) < width + depth - 1)
      await wait(50);
    const pace = await MachinePace.begin(flux.sandbox.databaseUrl);
    const request = { reason: 'the whole tree', gracePeriod: '25s' };
    const answer = await flux.rest
      .cancel(root, '?mode=sync&timeout=50s', request)
      .finally(() => pace.close());
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } },
    });
    expect(await count('true')).toBe(width + depth - 1);
    expect(await count("state <> 'CANCELLED'")).toBe(0);
    const rows = await flux.sandbox.query<{ id: string; finished: number; cause: string; reason: string }>(
      `SELECT id, (extract(epoch FROM finished_at) * 1000)::float8 AS finished, cancellation->>'cause' AS cause,
         cancellation->>'reason' AS reason
       FROM executions WHERE root_execution_id = '${root.executionId}'`,
    );
    expect(new Set(rows.map(({ cause, reason }) => `${cause}: ${reason}`))).toEqual(
      new Set(['parent: the whole tree']),
    );
    const { requested, ended: finished } = timesOf(answer.body as ExecutionResource);
    // The grace period is each body's own: a worker that is too busy to have them all at once needs more than that.
    expect(pace.fairMs(requested, finished)).toBeLessThan(45_000);
    const ends = new Map([
      ...rows.map(({ id, finished: at }) => [id, at] as const),
      [root.executionId, finished],
    ]);
    const stamps = lines(file);
    expect(stamps).toHaveLength(width + depth);
    expect(stamps.filter(([, id, at]) => Number(at) > (ends.get(id ?? '') ?? 0))).toEqual([]);
  }, 90_000);
});
