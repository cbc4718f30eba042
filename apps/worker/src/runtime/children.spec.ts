import { describe, expect, test } from '@jest/globals';
import type { ChildEnd, ChildFinished, HistoryEntry } from '@flux/contracts';
import {
  ChildCancelledError,
  ChildFailedError,
  isCancelled,
  task,
  workflow,
  type ExecutionContext,
} from '@flux/sdk';
import { deferred, done, request, settle, Trial } from '../testing/trial.js';

const ID = '01926a3e-0000-7000-8000-00000000000a';
const crawl = workflow('crawl', async (_ctx, input: { depth: number }) => input.depth);
const note = task('note', async (_ctx, text: string) => text);

const link = { executionId: ID, workflowName: 'crawl', onParentCancel: 'wait' as const };
const started = (callId = '$call.crawl#0'): HistoryEntry => ({
  ...{ type: 'child_started', callId, name: callId.split('#', 1)[0] ?? '', child: link },
});
const joined = (callId = '$call.crawl#0'): HistoryEntry => ({
  ...{ type: 'child_joined', callId, name: callId.split('#', 1)[0] ?? '' },
});
const completed = (output: unknown): ChildEnd => ({ state: 'COMPLETED', output });
const cancelled: ChildEnd = {
  state: 'CANCELLED',
  requestedBy: 'cli:ada',
  reason: 'wrong file',
  cause: 'request',
};
const ended = (end: ChildEnd, callId = '$call.crawl#0', number = 1): ChildFinished => ({
  ...{ type: 'child_finished', callId, name: callId.split('#', 1)[0] ?? '', number, end, at: number },
});
/** Which calls were recorded, by type. */
const recorded = (trial: Trial): string[] =>
  trial.events.map((event) => ('callId' in event ? `${event.type} ${event.callId}` : event.type));

describe('ctx.call', () => {
  test('records its child before it waits, and its end before it goes on', async () => {
    const trial = new Trial(
      workflow('w', (ctx) => ctx.call(crawl, { depth: 3 }, { labels: { team: 'media' } })),
    );
    await settle();
    expect(trial.events).toMatchObject([
      {
        ...{ type: 'child_started', callId: '$call.crawl#0' },
        child: {
          ...{ workflowName: 'crawl', input: { depth: 3 }, labels: { team: 'media' }, timeoutMs: null },
          ...{ onParentCancel: 'wait', called: true, shielded: false },
        },
      },
    ]);
    trial.execution.childEnded(ended(completed(7)));
    trial.execution.childEnded(ended(completed(8)));
    expect((await trial.finished).output).toBe(7);
    expect(recorded(trial)).toEqual(['child_started $call.crawl#0', 'child_joined $call.crawl#0']);
  });

  test.each<[string, ChildEnd, Record<string, unknown>]>([
    [
      'failed',
      { state: 'FAILED', error: { name: 'RangeError', message: 'too deep' } },
      { name: 'ChildFailedError', executionId: ID, cause: { name: 'RangeError', message: 'too deep' } },
    ],
    [
      'was refused',
      { state: 'REFUSED', error: { name: 'FluxError', message: 'unknown' }, child: link },
      { name: 'ChildFailedError', executionId: null, cause: { message: 'unknown' } },
    ],
    ['was cancelled', cancelled, { name: 'ChildCancelledError', executionId: ID, reason: 'wrong file' }],
  ])(
    'rejects when its child %s, now and in a replay, and is not cancelled itself',
    async (_how, end, expected) => {
      const seen: unknown[] = [];
      const body = async (ctx: ExecutionContext): Promise<void> => {
        const error: unknown = await ctx
          .call(crawl, { depth: 3 }, { executionId: ID })
          .catch((fault: unknown) => fault);
        seen.push(error);
        expect(error instanceof ChildFailedError || error instanceof ChildCancelledError).toBe(true);
        expect(isCancelled(error)).toBe(false);
      };
      const live = new Trial(workflow('w', body));
      await settle();
      live.execution.childEnded(ended(end));
      expect((await live.finished).error).toBeNull();
      const history = end.state === 'REFUSED' ? [ended(end), joined()] : [started(), ended(end), joined()];
      expect((await new Trial(workflow('w', body), { history }).finished).error).toBeNull();
      expect(seen).toMatchObject([expected, expected]);
    },
  );

  test('refuses what it cannot start where it is called', async () => {
    const failure = async (...args: unknown[]): Promise<unknown> => {
      const call = (ctx: ExecutionContext): unknown => (ctx.call as (...all: unknown[]) => unknown)(...args);
      return (await new Trial(workflow('w', async (ctx) => call(ctx))).finished).error?.message;
    };
    expect(await failure('no name!')).toMatch(/a workflow, or the name of one/);
    expect(await failure(crawl, {}, { retry: 3 })).toMatch(/no option 'retry'/);
    expect(await failure(crawl, {}, { executionId: 'one' })).toMatch(/executionId is a UUID/);
    expect(await failure(crawl, {}, { onParentCancel: 'kill' })).toMatch(/onParentCancel is one of wait/);
    expect(await failure(crawl, {}, { timeout: 0 })).toMatch(/longer than 0/);
    expect(await failure(crawl, {}, { labels: { 'a:b': '1' } })).toMatch(/label/);
  });

  test('replays: what won a race wins again, whenever the end was recorded', async () => {
    const body = async (ctx: ExecutionContext): Promise<unknown> =>
      Promise.race([ctx.call(crawl, { depth: 1 }).then(() => 'child'), ctx.run(note, 'task')]);
    const output = async (...history: HistoryEntry[]): Promise<unknown> =>
      (await new Trial(workflow('w', body), { history }).finished).output;
    const end = ended(completed(1));
    expect(await output(started(), end, done('note#0', 'task'), joined())).toBe('task');
    expect(await output(started(), end, joined(), done('note#0', 'task'))).toBe('child');
    expect(await output(started(), end, done('note#0', 'task'))).toBe('task');
  });
});

describe('ctx.start', () => {
  test('does not wait, and gives the result to whoever asks, as often as it is asked', async () => {
    const body = async (ctx: ExecutionContext): Promise<unknown> => {
      const child = await ctx.start(crawl, { depth: 1 }, { executionId: ID });
      await ctx.run(note, child.executionId);
      return Promise.all([child.result(), child.result()]);
    };
    const trial = new Trial(workflow('w', body));
    await settle();
    await settle();
    trial.execution.childEnded(ended(completed(7), '$start.crawl#0'));
    expect((await trial.finished).output).toEqual([7, 7]);
    expect(recorded(trial)).toEqual([
      'child_started $start.crawl#0',
      'task_completed note#0',
      'child_joined $start.crawl#0',
    ]);
    const id = '$start.crawl#0';
    const history = [started(id), done('note#0', ID), ended(completed(7), id), joined(id)];
    expect((await new Trial(workflow('w', body), { history }).finished).output).toEqual([7, 7]);
  });
});

describe('a cancel', () => {
  const tidy = async (ctx: ExecutionContext, onParentCancel?: 'request'): Promise<unknown> => {
    try {
      return await ctx.call(crawl, { depth: 1 }, onParentCancel ? { onParentCancel } : {});
    } finally {
      if (ctx.isCancelled) await ctx.shield(() => ctx.run(note, 'cleanup'));
    }
  };

  test('comes through once the child has ended, so that the cleanup runs after it', async () => {
    const trial = new Trial(workflow('w', (ctx) => tidy(ctx)));
    await settle();
    trial.cancel();
    await settle();
    expect(recorded(trial)).toEqual(['child_started $call.crawl#0']);
    trial.execution.childEnded(ended(cancelled));
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(recorded(trial)).toEqual(['child_started $call.crawl#0', 'task_completed note#cleanup-0']);
  });

  test('comes through at once under request, and before the time is up when nothing is heard', async () => {
    const asked = new Trial(workflow('w', (ctx) => tidy(ctx, 'request')));
    await settle();
    asked.cancel();
    expect(await asked.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    const waiting = new Trial(workflow('w', (ctx) => tidy(ctx)));
    await settle();
    const before = performance.now();
    waiting.execution.cancel({ ...request, remainingMs: 200 });
    expect(await waiting.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(performance.now() - before).toBeGreaterThanOrEqual(185);
  });

  test('that waits for a child alone leaves nothing to clean up', async () => {
    const trial = new Trial(workflow('w', (ctx) => ctx.call(crawl, { depth: 1 })));
    await settle();
    trial.cancel();
    await settle();
    trial.execution.childEnded(ended(cancelled));
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'none' });
  });

  test('does not take the end of a child that it stopped for a result of the body, in a replay', async () => {
    const seen: string[] = [];
    const body = async (ctx: ExecutionContext): Promise<void> => {
      try {
        await ctx.call(crawl, { depth: 1 });
      } catch (error) {
        seen.push((error as Error).name);
        throw error;
      }
    };
    const trial = new Trial(workflow('w', body), { history: [started(), ended(cancelled)], cancel: request });
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
    expect(seen).toEqual(['CancelledError']);
  });

  test('does not reach a child that is called in a shield', async () => {
    const trial = new Trial(
      workflow('w', async (ctx) => {
        try {
          await ctx.sleep('1h');
        } finally {
          await ctx.shield(() => ctx.call(crawl, { depth: 1 }));
        }
      }),
    );
    await settle();
    trial.cancel();
    await settle();
    const start = trial.events.find((event) => event.type === 'child_started');
    expect(start).toMatchObject({ child: { shielded: true } });
    trial.execution.childEnded(ended(completed(1), start?.callId));
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
  });

  test('of an execution that others own ends at once, whatever it waits for', async () => {
    const trial = new Trial(workflow('w', (ctx) => ctx.call(crawl, { depth: 1 })));
    await settle();
    trial.cancel();
    await settle();
    trial.execution.stop(new Error('not ours'));
    await trial.finished;
  });
});

describe('waiting for a child', () => {
  test('parks after a moment in which nothing happened, and says how many ends it had heard of', async () => {
    const body = async (ctx: ExecutionContext): Promise<unknown> =>
      Promise.all([ctx.call(crawl, { depth: 1 }), ctx.call(crawl, { depth: 2 })]);
    const trial = new Trial(workflow('w', body), { parkChildrenAfterMs: 40 });
    await settle();
    trial.execution.childEnded(ended(completed(1)));
    expect(await trial.parked).toMatchObject({
      ...{ kind: 'child', callId: '$call.crawl#1', dueAt: null, childrenHeard: 1 },
    });
    trial.execution.childEnded(ended(completed(2), '$call.crawl#1', 2));
    await settle();
    expect(recorded(trial)).toEqual([
      'child_started $call.crawl#0',
      'child_started $call.crawl#1',
      'child_joined $call.crawl#0',
    ]);
  });

  test('does not park beside a task, nor in a shield', async () => {
    const gate = deferred();
    const slow = task('slow', () => gate.promise);
    const beside = async (ctx: ExecutionContext): Promise<unknown> =>
      Promise.all([ctx.call(crawl, { depth: 1 }), ctx.run(slow)]);
    const shielded = async (ctx: ExecutionContext): Promise<unknown> =>
      ctx.shield(() => ctx.call(crawl, { depth: 1 }));
    for (const body of [beside, shielded]) {
      const trial = new Trial(workflow('w', body), { parkChildrenAfterMs: 0 });
      let parked = false;
      void trial.parked.then(() => (parked = true));
      await settle();
      await settle();
      expect(parked).toBe(false);
      gate.resolve();
      trial.execution.childEnded(ended(completed(1)));
      expect((await trial.finished).outcome).toBe('completed');
    }
  });
});
