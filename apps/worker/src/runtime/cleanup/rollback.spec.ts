import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import type { HistoryEntry } from '@flux/contracts';
import { isCancelled, OwnershipLostError, task, workflow, type TaskContext } from '@flux/sdk';
import {
  deferred,
  done,
  failing,
  linger,
  ownership,
  request,
  settle,
  Trial,
  untilAborted,
} from '../../testing/trial.js';

const broken = failing('out of stock');

/** Tasks that write down what they do and undo. */
function booking(undo: (ctx: TaskContext, input: string) => void | Promise<void> = () => undefined) {
  const steps: string[] = [];
  const book = task('book', async (_ctx, input: string) => `${input}!`, {
    rollback: async (ctx, input, output) => {
      steps.push(`undo ${input} ${output}`);
      await undo(ctx, input);
      steps.push(`undone ${input}`);
    },
  });
  return { steps, book };
}

const undone = (callId: string, error: { name: string; message: string } | null = null): HistoryEntry => ({
  type: 'rollback_finished',
  callId,
  name: 'book',
  error,
});

describe('rollbacks', () => {
  test('of a body that fails run newest first, one after the other, each on record once', async () => {
    const { steps, book } = booking(() => wait(2));
    const trial = new Trial(async (ctx) => {
      await ctx.map(book, ['a', 'b']);
      await ctx.run(book, 'c');
      await ctx.run(broken);
    });
    expect(await trial.finished).toMatchObject({
      outcome: 'failed',
      error: { message: 'out of stock', code: 'TASK_FAILED' },
      cleanup: null,
    });
    expect(steps).toEqual(['undo c c!', 'undone c', 'undo b b!', 'undone b', 'undo a a!', 'undone a']);
    expect(trial.events.slice(4)).toMatchObject(
      ['book#2', 'book#1', 'book#0'].map((callId) => undone(callId)),
    );
  });

  test('of one that is cancelled run after its handlers and its own cleanup, and are cleanup', async () => {
    const { steps, book } = booking();
    const trial = new Trial(async (ctx) => {
      ctx.onCancel(async () => {
        await wait(5);
        steps.push('handler');
      });
      await ctx.run(book, 'a');
      try {
        await ctx.run(linger);
      } finally {
        await ctx.shield(async () => {
          await wait(10);
          // The work of a cleanup is not undone.
          await ctx.run(book, 'cleanup');
          steps.push('shield');
        });
      }
    });
    expect(await trial.cancelled()).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(steps).toEqual(['handler', 'shield', 'undo a a!', 'undone a']);
  });

  test('run for a body that swallows its cancel, and not for one that completes', async () => {
    const { steps, book } = booking();
    const flow = workflow('w', async (ctx, stays: boolean) => {
      await ctx.run(book, 'a');
      if (stays) await ctx.run(linger).catch(() => undefined);
      await ctx.run(broken).catch(() => undefined);
    });
    await new Trial(flow, { input: false }).finished;
    expect(steps).toEqual([]);
    const trial = new Trial(flow, { input: true });
    expect(await trial.cancelled()).toMatchObject({ outcome: 'completed', signalled: true });
    expect(steps).toEqual(['undo a a!', 'undone a']);
  });

  test('a second cancel does not cut one short, nor does a cancel during those of a failure', async () => {
    const gate = deferred();
    const signals: boolean[] = [];
    const { steps, book } = booking(async (ctx) => {
      await gate.promise;
      signals.push(ctx.signal.aborted);
    });
    const failing = new Trial(async (ctx) => [await ctx.run(book, 'a'), await ctx.run(broken)]);
    const cancelled = await Trial.begun(async (ctx) => [await ctx.run(book, 'b'), await ctx.run(linger)]);
    cancelled.cancel();
    await settle();
    for (const trial of [failing, cancelled]) trial.cancel();
    await settle();
    expect([failing.ended, cancelled.ended]).toEqual([false, false]);
    gate.resolve();
    expect(await failing.finished).toMatchObject({ outcome: 'failed', signalled: false });
    expect(await cancelled.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(signals).toEqual([false, false]);
    expect(steps.filter((step) => step.startsWith('undone'))).toHaveLength(2);
  });

  test('one that fails does not stop the others, and is kept', async () => {
    const { steps, book } = booking((_ctx, input) => {
      if (input === 'b') throw new RangeError('no refund');
    });
    const lingers = deferred();
    const trial = new Trial(async (ctx) => {
      for (const input of ['a', 'b', 'c']) await ctx.run(book, input);
      lingers.resolve();
      await ctx.run(linger);
    });
    await lingers.promise;
    trial.cancel();
    expect(await trial.finished).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'failed',
      cleanupError: { name: 'RangeError', message: 'no refund' },
    });
    expect(steps.filter((step) => step.startsWith('undone'))).toEqual(['undone c', 'undone a']);
    expect(trial.events.slice(3)).toMatchObject([
      { callId: 'book#2', error: null },
      { callId: 'book#1', error: { message: 'no refund' } },
      { callId: 'book#0', error: null },
    ]);
  });

  test('an error that looks like the cancel is a failed rollback all the same', async () => {
    const { book } = booking(() => Promise.reject(new DOMException('aborted', 'AbortError')));
    const trial = new Trial(async (ctx) => [await ctx.run(book, 'a'), await ctx.run(linger)]);
    expect(await trial.cancelled()).toMatchObject({ cleanup: 'failed' });
  });

  test('a task that completes in spite of the cancel is undone too', async () => {
    const gate = deferred();
    const steps: string[] = [];
    const charge = task('charge', async () => gate.promise.then(() => 'charged'), {
      rollback: (_ctx, _input, output) => void steps.push(`refund ${output}`),
    });
    const trial = await Trial.begun(async (ctx) => ctx.run(charge));
    trial.cancel();
    await settle();
    expect(trial.events).toEqual([]);
    gate.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(steps).toEqual(['refund charged']);
    expect(trial.types).toEqual(['task_completed', 'rollback_finished']);
  });
});

describe('a takeover during the rollbacks', () => {
  const flowOf = (book: ReturnType<typeof booking>['book']) =>
    workflow('w', async (ctx) => {
      for (const input of ['a', 'b', 'c']) await ctx.run(book, input);
      await ctx.run(broken);
    });
  const completed = ['a', 'b', 'c'].map((input, number) => done(`book#${number}`, `${input}!`));
  const failed: HistoryEntry = {
    type: 'task_failed',
    callId: 'broken#0',
    name: 'broken',
    error: { name: 'Error', message: 'out of stock' },
  };

  test('does not undo twice', async () => {
    const { steps, book } = booking();
    const history = [...completed, failed, undone('book#2')];
    const trial = new Trial(flowOf(book), { history });
    expect(await trial.finished).toMatchObject({ outcome: 'failed', error: { message: 'out of stock' } });
    expect(steps).toEqual(['undo b b!', 'undone b', 'undo a a!', 'undone a']);
    expect(trial.callIds).toEqual(['book#1', 'book#0']);
  });

  test('run-to-cancel goes on with them, and what failed before still counts', async () => {
    const { steps, book } = booking();
    const unpaid = undone('book#2', { name: 'Error', message: 'no refund' });
    const history = [...completed, unpaid, undone('book#1')];
    const trial = new Trial(flowOf(book), { history, cancel: request });
    expect(await trial.finished).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'failed',
      cleanupError: { message: 'no refund' },
    });
    expect(steps).toEqual(['undo a a!', 'undone a']);
  });

  test('does not start again what was in flight when the body failed', async () => {
    const { steps, book } = booking();
    const inFlight = jest.fn(untilAborted);
    const sibling = task('sibling', inFlight);
    const flow = workflow('w', async (ctx) => {
      await ctx.run(book, 'a');
      await Promise.all([ctx.run(broken), ctx.run(sibling)]);
    });
    const trial = new Trial(flow, { history: [done('book#0', 'a!'), failed] });
    expect((await trial.finished).outcome).toBe('failed');
    expect(inFlight).not.toHaveBeenCalled();
    expect(steps).toEqual(['undo a a!', 'undone a']);
  });

  test('undoes what had been recorded after the failure', async () => {
    const { steps, book } = booking();
    const flow = workflow('w', async (ctx) => Promise.all([ctx.run(broken), ctx.run(book, 'a')]));
    await new Trial(flow, { history: [failed, done('book#0', 'a!')] }).finished;
    expect(steps).toEqual(['undo a a!', 'undone a']);
  });

  test('what a rollback calls on ctx keeps its results apart from those of the others', async () => {
    const steps: string[] = [];
    const flow = workflow('w', async (ctx) => {
      const refund = task('refund', async (_ctx, input: string) => void steps.push(`refund ${input}`));
      const pay = task('pay', async (_ctx, input: string) => input, {
        rollback: async (_ctx, input) => ctx.run(refund, input),
      });
      for (const input of ['a', 'b', 'c']) await ctx.run(pay, input);
      await ctx.run(broken);
    });
    const first = new Trial(flow);
    await first.finished;
    expect(steps).toEqual(['refund c', 'refund b', 'refund a']);
    const history = first.history;
    const [afterC] = history.flatMap(({ type }, at) => (type === 'rollback_finished' ? [at + 1] : []));
    await new Trial(flow, { history: history.slice(0, afterC) }).finished;
    expect(steps.slice(3)).toEqual(['refund b', 'refund a']);
  });

  test('leaves the rest to the next owner when this one lost it', async () => {
    const [begun, gate] = [deferred(), deferred()];
    const { steps, book } = booking(() => {
      begun.resolve();
      return gate.promise;
    });
    const trial = new Trial(flowOf(book), { history: [...completed, failed] });
    await begun.promise;
    trial.execution.stop(new OwnershipLostError('elsewhere'));
    gate.resolve();
    await trial.finished;
    expect(steps).toEqual(['undo c c!', 'undone c']);
    expect(trial.events).toEqual([]);
  });

  test('begins none in a process that woke after others may own the execution', async () => {
    const { assertOwned, lose } = ownership();
    const { steps, book } = booking(lose);
    await new Trial(flowOf(book), { history: [...completed, failed], assertOwned }).finished;
    expect(steps).toEqual(['undo c c!', 'undone c']);
  });
});

describe('siblings of a task that failed', () => {
  test('are aborted, and end before anything is undone and the failure is told', async () => {
    const order: string[] = [];
    const gate = deferred();
    const { book, steps } = booking(() => void order.push('rollback'));
    const slow = task('slow', async (ctx) => {
      await untilAborted(ctx).catch((error: unknown) => {
        order.push(isCancelled(error) ? 'cancelled' : 'aborted');
        return gate.promise;
      });
      order.push('settled');
    });
    const trial = await Trial.begun(async (ctx) => {
      await ctx.run(book, 'a');
      await Promise.all([ctx.run(slow), ctx.run(broken)]);
    });
    await settle();
    expect(order).toEqual(['aborted']);
    expect(trial.ended).toBe(false);
    gate.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'failed', error: { message: 'out of stock' } });
    expect(order).toEqual(['aborted', 'settled', 'rollback']);
    expect(steps).toHaveLength(2);
  });

  test('a retry nobody waits for does not go on after the body has ended', async () => {
    const tries = jest.fn(() => Promise.reject(new Error('again')));
    const flaky = task('flaky', tries, { retry: { maxAttempts: 3, delay: 10 } });
    const flow = workflow('w', async (ctx) => {
      void ctx.run(flaky);
      await wait(2);
    });
    expect((await new Trial(flow).finished).outcome).toBe('completed');
    await wait(40);
    expect(tries).toHaveBeenCalledTimes(1);
  });
});
