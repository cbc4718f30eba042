import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { isCancelled, task, TimeoutError, workflow, type ExecutionContext } from '@flux/sdk';
import { done, errorOf, linger, ownership, request, Trial } from '../../testing/trial.js';

const note = task('note', async (_ctx, text: string) => text);

/** Runs the body until it waits, cancels it, and waits for its end. */
async function cancelled(body: (ctx: ExecutionContext) => Promise<unknown>): Promise<Trial> {
  const trial = new Trial(body);
  await trial.cancelled();
  return trial;
}

describe('a shield', () => {
  test('runs calls after the cancel, and its signal has not aborted', async () => {
    const signals: boolean[] = [];
    const trial = await cancelled(async (ctx) => {
      try {
        await ctx.run(linger);
      } catch (error) {
        await ctx.shield(async () => {
          signals.push(ctx.signal.aborted, ctx.isCancelled);
          await ctx.sleep(1);
          return ctx.run(note, 'released');
        });
        throw error;
      }
    });
    expect(await trial.finished).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'succeeded',
      cleanupError: null,
    });
    expect(signals).toEqual([false, true]);
    expect(trial.events).toMatchObject([
      { type: 'timer_started' },
      { type: 'task_completed', callId: 'note#cleanup-0', inCleanup: true, output: 'released' },
    ]);
  });

  test('keeps a cancel off until the next call after it', async () => {
    const steps: string[] = [];
    const handler = jest.fn(() => undefined);
    const trial = new Trial(async (ctx) => {
      ctx.onCancel(handler);
      await ctx.shield(async () => {
        steps.push(await ctx.run(note, 'one'));
        trial.cancel();
        expect([ctx.isCancelled, ctx.signal.aborted]).toEqual([true, false]);
        await ctx.sleep(5);
        steps.push(await ctx.run(note, 'two'));
      });
      steps.push('after');
      await ctx.run(note, 'three').catch((error: unknown) => {
        steps.push(isCancelled(error) ? 'cancelled' : 'else');
        throw error;
      });
    });
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(handler).toHaveBeenCalledTimes(1);
    expect(steps).toEqual(['one', 'two', 'after', 'cancelled']);
    expect(trial.callIds).toEqual(['note#0', '$sleep#0', 'note#1']);
  });

  test('rejects with a TimeoutError when its own time is up, inside the grace period', async () => {
    let thrown: unknown;
    const trial = await cancelled(async (ctx) => {
      await errorOf(ctx.run(linger));
      thrown = await errorOf(ctx.shield(() => ctx.run(linger), { timeout: 20 }));
      throw ctx.signal.reason;
    });
    expect(thrown).toBeInstanceOf(TimeoutError);
    expect(String(thrown)).toBe('TimeoutError: a shield took longer than 20 ms');
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'failed' });
  });
});

describe('cancel handlers', () => {
  test('run once, newest first, one after the other, in a shield (elsewhere: no hook, or only while executing)', async () => {
    const steps: string[] = [];
    const handler = (ctx: ExecutionContext, name: string) => async (): Promise<void> => {
      steps.push(`${name} ${ctx.signal.aborted}`);
      await ctx.run(note, name);
      steps.push(`${name} done`);
    };
    const trial = await cancelled(async (ctx) => {
      ctx.onCancel(handler(ctx, 'first'));
      ctx.onCancel(handler(ctx, 'never'))();
      ctx.onCancel(handler(ctx, 'last'));
      await ctx.run(linger);
    });
    expect(steps).toEqual(['last false', 'last done', 'first false', 'first done']);
    expect(trial.callIds).toEqual(['note#handler2-0', 'note#handler0-0']);
    expect((await trial.finished).cleanup).toBe('succeeded');
  });

  test('still run when another one fails, which is recorded (elsewhere: exit handler skipped or stuck)', async () => {
    const steps: string[] = [];
    const trial = await cancelled(async (ctx) => {
      ctx.onCancel(() => void steps.push('oldest'));
      ctx.onCancel(() => {
        throw new Error('lock is gone');
      });
      await ctx.run(linger);
    });
    expect(steps).toEqual(['oldest']);
    expect(await trial.finished).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'failed',
      cleanupError: { message: 'lock is gone' },
    });
  });

  test('run too when they were registered during the cleanup', async () => {
    const steps: string[] = [];
    await cancelled(async (ctx) => {
      await ctx.run(linger).catch(() => ctx.shield(async () => ctx.onCancel(() => void steps.push('late'))));
      throw ctx.signal.reason;
    });
    expect(steps).toEqual(['late']);
  });

  test('end before the execution has stopped', async () => {
    const order: string[] = [];
    const trial = new Trial(async (ctx) => {
      ctx.onCancel(async () => {
        await wait(20);
        order.push('handler');
      });
      await ctx.run(linger);
    });
    await trial.cancelled();
    order.push('stopped');
    expect(order).toEqual(['handler', 'stopped']);
  });

  test('do not run without a cancel', async () => {
    const steps: string[] = [];
    const trial = new Trial(async (ctx) => void ctx.onCancel(() => void steps.push('ran')));
    expect(await trial.finished).toMatchObject({ outcome: 'completed', cleanup: null });
    expect(steps).toEqual([]);
  });
});

describe('a process that woke after others may own its execution', () => {
  test.each(['handler', 'shield'])('begins no %s (elsewhere: the un-ackable task goes on)', async (next) => {
    const { assertOwned, lose } = ownership();
    const steps: string[] = [];
    const body = async (ctx: ExecutionContext): Promise<unknown> => {
      if (next === 'handler') ctx.onCancel(() => void steps.push('handler'));
      ctx.onCancel(() => {
        steps.push('frozen here');
        lose();
      });
      return ctx.run(linger).finally(() => ctx.shield(() => steps.push('shield')));
    };
    const trial = new Trial(body, { assertOwned });
    expect(await trial.cancelled()).toMatchObject({
      cleanup: 'failed',
      cleanupError: { name: 'OwnershipLostError' },
    });
    expect(steps).toEqual(['frozen here']);
  });
});

describe('the cleanup of a body', () => {
  test('has succeeded when a finally block took its time', async () => {
    const trial = await cancelled(async (ctx) => {
      try {
        await ctx.sleep('1h');
      } finally {
        await wait(5);
      }
    });
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
  });
});

describe('run-to-cancel', () => {
  const history = [0, 1, 2, 3].map((number) => done(`note#${number}`, number));

  test('replays what is recorded and cancels at the first call that is not', async () => {
    const steps: unknown[] = [];
    const flow = workflow('w', async (ctx) => {
      try {
        steps.push(await ctx.run(note, 'one'));
        steps.push(await ctx.run(note, 'two'));
        steps.push(await ctx.run(note, 'three'));
      } catch (error) {
        steps.push(await ctx.shield(() => ctx.run(note, 'cleanup')));
        throw error;
      }
    });
    const history = [done('note#0', 'recorded one'), done('note#1', 'recorded two')];
    const trial = new Trial(flow, { history, cancel: request });
    expect(await trial.finished).toMatchObject({
      outcome: 'cancelled',
      signalled: true,
      cleanup: 'succeeded',
    });
    expect(steps).toEqual(['recorded one', 'recorded two', 'cleanup']);
    expect(trial.callIds).toEqual(['note#cleanup-0']);
  });

  test('of a body that was signalled before its owner was lost is none that came too late', async () => {
    const steps: string[] = [];
    const flow = workflow('w', async (ctx) => {
      ctx.onCancel(() => void steps.push('handler'));
      return ctx.run(note, 'one');
    });
    const cancel = { ...request, delivered: true };
    const trial = new Trial(flow, { history: [done('note#0', 'recorded')], cancel });
    const end = { outcome: 'completed', signalled: true, output: 'recorded', cleanup: 'succeeded' };
    expect(await trial.finished).toMatchObject(end);
    expect(steps).toEqual(['handler']);
  });

  test('does a cleanup once: what an earlier attempt cleaned up is on record', async () => {
    const flow = workflow('w', async (ctx) => {
      try {
        await ctx.run(note, 'one');
      } finally {
        await ctx.shield(async () => [await ctx.run(note, 'a'), await ctx.run(note, 'b')]);
      }
    });
    const trial = new Trial(flow, { history: [done('note#cleanup-0', 'a')], cancel: request });
    expect((await trial.finished).outcome).toBe('cancelled');
    expect(trial.callIds).toEqual(['note#cleanup-1']);
  });

  test('lets every branch come to where it stood', async () => {
    const seen: unknown[] = [];
    const branch = async (ctx: ExecutionContext, calls: number): Promise<void> => {
      for (let call = 0; call < calls; call += 1) seen.push(await ctx.run(note, 'x'));
    };
    const flow = workflow('w', async (ctx) => Promise.all([branch(ctx, 1), branch(ctx, 9)]));
    const trial = new Trial(flow, { history, cancel: request });
    expect((await trial.finished).outcome).toBe('cancelled');
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  test('is what a cancel during a replay becomes', async () => {
    const seen: unknown[] = [];
    const flow = workflow('w', async (ctx) => {
      for (;;) seen.push(await ctx.run(note, 'x'));
    });
    const trial = new Trial(flow, { history });
    trial.cancel();
    expect((await trial.finished).outcome).toBe('cancelled');
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(trial.events).toEqual([]);
  });

  test('cancels a body that waits for something else', async () => {
    const flow = workflow('w', async (ctx) => wait(60_000, undefined, { signal: ctx.signal }));
    const cancel = { ...request, remainingMs: 40 };
    expect((await new Trial(flow, { cancel }).finished).outcome).toBe('cancelled');
  });

  test('tells that the body had ended, when the record has all of it', async () => {
    const flow = workflow('w', async (ctx) => ctx.run(note, 'one'));
    const trial = new Trial(flow, { history: [done('note#0', 'one')], cancel: request });
    expect(await trial.finished).toMatchObject({ outcome: 'completed', signalled: false, output: 'one' });
  });
});
