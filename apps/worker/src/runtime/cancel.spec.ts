import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { CancelledError, isCancelled, OwnershipLostError, task, workflow } from '@flux/sdk';
import { deferred, gated, linger, settle, Trial, untilAborted } from '../testing/trial.js';
import type { Scope } from './index.js';

class APIUserAbortError extends Error {}

const note = task('note', async (_ctx, text: string) => text);

describe('a cancel', () => {
  test('reaches ctx.signal and every wait of ctx at once, as one CancelledError', async () => {
    const errors: unknown[] = [];
    const keep = (error: unknown): void => void errors.push(error);
    const deaf = gated('deaf');
    const trial = await Trial.begun(async (ctx) => {
      await Promise.all([
        ctx.run(deaf).catch(keep),
        ctx.run(linger).catch(keep),
        ctx.sleep('1h').catch(keep),
        ctx.map(linger, [undefined, undefined], { concurrency: 1 }).catch(keep),
      ]);
      await ctx.run(note, 'late').catch(keep);
    });
    expect(trial.ctx.isCancelled).toBe(false);
    trial.cancel();
    await settle();
    expect(new Set(errors).size).toBe(1);
    expect(errors).toHaveLength(5);
    expect(errors[0]).toBeInstanceOf(CancelledError);
    expect(errors[0]).toBe(trial.ctx.signal.reason);
    expect(errors[0]).toMatchObject({ reason: 'wrong file', requestedBy: 'cli:ada', cause: 'request' });
    deaf.open();
    await trial.finished;
    expect(trial.callIds).toEqual(['$sleep#0']);
  });

  test('has stopped an execution only once its tasks have settled (elsewhere: the code runs to its end after the cancel)', async () => {
    const unwinding = deferred();
    const slow = task('slow', (ctx) => untilAborted(ctx).catch(() => unwinding.promise));
    const trial = await Trial.begun(async (ctx) => ctx.run(slow));
    trial.cancel();
    await settle();
    expect(trial.ended).toBe(false);
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
  });

  test('ends the waiting for the next try (elsewhere: cancel ignored while backing off between tries)', async () => {
    const tries = jest.fn(async () => {
      throw new Error('again');
    });
    const flaky = task('flaky', tries, { retry: { maxAttempts: 5, delay: '1h', maxDelay: '1h' } });
    const trial = new Trial(async (ctx) => ctx.run(flaky));
    expect(await trial.cancelled()).toMatchObject({ outcome: 'cancelled', cleanup: 'none' });
    expect(tries).toHaveBeenCalledTimes(1);
    expect(trial.events).toEqual([]);
  });

  test('lets nothing begin by a sleep or a try that comes due later (elsewhere: a cancelled delayed or retrying run executes anyway)', async () => {
    const steps: string[] = [];
    const again = async (): Promise<never> => {
      steps.push('try');
      setImmediate(() => trial.cancel());
      throw new Error('again');
    };
    const flaky = task('flaky', again, { retry: { maxAttempts: 5, delay: 20 } });
    const trial = new Trial(async (ctx) => {
      const late = ctx.sleep(20).then(() => steps.push('woken'));
      await Promise.allSettled([ctx.run(flaky), late]);
      // The timer outlives both delays.
      await ctx.shield(() => wait(60));
    });
    expect(await trial.finished).toMatchObject({ signalled: true });
    expect(steps).toEqual(['try']);
  });

  test('is not ignored while a result waits for the broker', async () => {
    const trial = new Trial(async (ctx) => ctx.run(note, 'x'), { manual: true });
    expect(await trial.cancelled()).toMatchObject({ outcome: 'cancelled' });
  });

  test('aborts the signal of its own execution alone (elsewhere: one AbortSignal shared by all jobs of a worker)', async () => {
    const scopes = new AsyncLocalStorage<Scope>();
    const flow = workflow('w', async (ctx) => ctx.run(linger));
    const [one, other] = [new Trial(flow, { scopes }), new Trial(flow, { scopes })];
    await settle();
    one.cancel();
    await one.finished;
    await settle();
    expect(other.ended).toBe(false);
    other.cancel();
    await other.finished;
  });

  test('aborts the signal of each running step, in a map and a scope too, and none in a shield (elsewhere: no abort signal inside a running step)', async () => {
    const signals: AbortSignal[] = [];
    const step = task('step', async (ctx) => {
      signals.push(ctx.signal);
      await untilAborted(ctx);
    });
    const timed = task('timed', step.body, { timeout: '1h' });
    const cleaned = deferred();
    const trial = await Trial.begun((ctx) =>
      Promise.all([
        ctx.run(step),
        ctx.run(timed),
        ctx.map(step, [undefined, undefined]),
        ctx.scope(() => ctx.run(step)),
        ctx.shield(async () => signals.push(ctx.signal) && cleaned.promise),
      ]),
    );
    const shielded = signals.filter((signal) => signal !== trial.ctx.signal).length;
    trial.cancel();
    expect(signals).toHaveLength(6);
    expect(shielded).toBeGreaterThan(0);
    expect(signals.filter(({ aborted }) => aborted).map(({ reason }) => reason as unknown)).toEqual(
      new Array(5).fill(trial.ctx.signal.reason),
    );
    cleaned.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });

  test('spares the neighbours on its thread, and what runs beside a scope (elsewhere: a cancel meant for one hits its neighbours)', async () => {
    const scopes = new AsyncLocalStorage<Scope>();
    const gate = deferred<string>();
    const wanted = task('wanted', (ctx) => Promise.race([gate.promise, untilAborted(ctx)]));
    const body = workflow('w', async (ctx) => {
      const scope = ctx.scope(() => ctx.run(linger));
      scope.cancel();
      return [await ctx.run(wanted), await scope.catch((error: unknown) => isCancelled(error))];
    });
    const trials = [1, 2, 3].map(() => new Trial(body, { scopes }));
    await settle();
    trials[1]?.cancel();
    expect(await trials[1]?.finished).toMatchObject({ outcome: 'cancelled' });
    gate.resolve('done');
    for (const neighbour of [trials[0], trials[2]]) {
      expect(await neighbour?.finished).toMatchObject({ outcome: 'completed', output: ['done', true] });
    }
  });

  test('changes nothing when it comes again (elsewhere: a second cancel cuts the cleanup short, or skips the kill)', async () => {
    const handler = jest.fn<() => void>();
    const cleaned = deferred();
    const trial = await Trial.begun(async (ctx) => {
      ctx.onCancel(handler);
      await ctx.run(linger).catch(() => ctx.shield(() => cleaned.promise));
      throw ctx.signal.reason;
    });
    trial.cancel();
    await settle();
    trial.cancel();
    await settle();
    expect(trial.ended).toBe(false);
    cleaned.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'succeeded' });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test.each([
    ['rethrows', { outcome: 'cancelled', error: null, cleanup: 'none', cleanupError: null }],
    ['returns', { outcome: 'completed', output: 'anyway', cleanup: 'none' }],
    [
      'breaks',
      { outcome: 'failed', error: { message: 'else' }, cleanup: 'failed', cleanupError: { message: 'else' } },
    ],
    ['aborts', { outcome: 'cancelled', cleanup: 'none' }],
    ['has its abort wrapped by a library', { outcome: 'cancelled', cleanup: 'none', cleanupError: null }],
  ])('lets a body tell its own end: one that %s', async (how, expected) => {
    const trial = new Trial(async (ctx) => {
      try {
        if (how === 'aborts') await wait(60_000, undefined, { signal: ctx.signal });
        await ctx.run(linger);
      } catch (error) {
        if (how.startsWith('has')) throw new APIUserAbortError('Request was aborted.', { cause: error });
        if (how === 'breaks') throw new Error('else', { cause: error });
        if (how !== 'returns') throw error;
      }
      return 'anyway';
    });
    expect(await trial.cancelled()).toMatchObject({ signalled: true, ...expected });
  });

  test('after the body has ended says nothing: the truth wins', async () => {
    const held = deferred();
    const trial = await Trial.begun(async (ctx) => {
      void ctx.shield(() => held.promise);
      return 'ended';
    });
    trial.cancel();
    held.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'completed', signalled: false, cleanup: null });
  });

  test('a CancelledError without a cancel is a failure', async () => {
    const trial = new Trial(async () => {
      throw new CancelledError();
    });
    expect(await trial.finished).toMatchObject({ outcome: 'failed', signalled: false });
  });
});

describe('the end of a body', () => {
  test('aborts the tasks it left behind and waits for them', async () => {
    const unwinding = deferred();
    const reasons: unknown[] = [];
    const stray = task('stray', async (ctx) => {
      await untilAborted(ctx).catch((error: unknown) => reasons.push(error));
      await unwinding.promise;
    });
    const trial = await Trial.begun(async (ctx) => {
      void ctx.run(stray);
      return 'ended';
    });
    expect(reasons).toMatchObject([{ message: 'the workflow has ended' }]);
    expect(reasons.some(isCancelled)).toBe(false);
    expect(trial.ended).toBe(false);
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'completed', output: 'ended' });
  });

  test('calls made after it are refused', async () => {
    const trial = new Trial(async () => 'ended');
    await trial.finished;
    await expect(trial.ctx.run(note, 'late')).rejects.toThrow('the workflow has ended');
    await expect(trial.ctx.shield(async () => 1)).rejects.toThrow('the workflow has ended');
  });
});

describe('losing an execution', () => {
  test('ends shields and handlers too, and is no cancel', async () => {
    const handler = jest.fn<() => void>();
    const trial = await Trial.begun(async (ctx) => {
      ctx.onCancel(handler);
      await ctx.shield(() => ctx.run(linger));
    });
    trial.execution.stop(new OwnershipLostError('gone'));
    expect(await trial.finished).toMatchObject({ outcome: 'failed', signalled: false });
    expect(isCancelled(trial.ctx.signal.reason)).toBe(false);
    expect(handler).not.toHaveBeenCalled();
    await expect(trial.ctx.shield(async () => 1)).rejects.toThrow('gone');
  });
});
