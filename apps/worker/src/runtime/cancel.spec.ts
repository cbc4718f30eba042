import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import {
  CancelledError,
  isCancelled,
  OwnershipLostError,
  task,
  workflow,
  type ExecutionContext,
  type Workflow,
} from '@flux/sdk';
import { deferred, settle, Trial, untilAborted } from '../testing/trial.js';
import type { Scope } from './index.js';

const linger = task('linger', untilAborted);
const note = task('note', async (_ctx, text: string) => text);

/** Keeps the context for the test's own calls. */
function captured(body: (ctx: ExecutionContext) => Promise<unknown>): {
  readonly flow: Workflow<undefined, unknown>;
  readonly ctx: () => ExecutionContext;
} {
  let context: ExecutionContext | undefined;
  const flow = workflow<undefined, unknown>('w', async (ctx) => {
    context = ctx;
    return body(ctx);
  });
  return { flow, ctx: () => context as ExecutionContext };
}

describe('a cancel', () => {
  test('reaches ctx.signal and every wait of ctx at once, as one CancelledError', async () => {
    const errors: unknown[] = [];
    const keep = (error: unknown): void => void errors.push(error);
    const stuck = deferred();
    const deaf = task('deaf', () => stuck.promise);
    const { flow, ctx } = captured(async (ctx) => {
      await Promise.all([
        ctx.run(deaf).catch(keep),
        ctx.run(linger).catch(keep),
        ctx.sleep('1h').catch(keep),
        ctx.map(linger, [undefined, undefined], { concurrency: 1 }).catch(keep),
      ]);
      await ctx.run(note, 'late').catch(keep);
    });
    const trial = new Trial(flow);
    await settle();
    expect(ctx().isCancelled).toBe(false);
    trial.cancel();
    await settle();
    expect(new Set(errors).size).toBe(1);
    expect(errors).toHaveLength(5);
    expect(errors[0]).toBeInstanceOf(CancelledError);
    expect(errors[0]).toBe(ctx().signal.reason);
    expect(errors[0]).toMatchObject({ reason: 'wrong file', requestedBy: 'cli:ada', cause: 'request' });
    stuck.resolve();
    await trial.finished;
    expect(trial.callIds).toEqual(['$sleep#0']);
  });

  test('the code runs to its end after the cancel: not before its tasks have settled is it stopped', async () => {
    const unwinding = deferred();
    const slow = task('slow', async (ctx) => {
      await untilAborted(ctx).catch(() => unwinding.promise);
    });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(slow)));
    await settle();
    trial.cancel();
    await settle();
    expect(trial.ended).toBe(false);
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
  });

  test('cancel ignored while backing off between tries: it ends the waiting', async () => {
    const tries = jest.fn(async () => {
      throw new Error('again');
    });
    const flaky = task('flaky', tries, { retry: { maxAttempts: 5, delay: '1h', maxDelay: '1h' } });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(flaky)));
    await settle();
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', cleanup: 'none' });
    expect(tries).toHaveBeenCalledTimes(1);
    expect(trial.events).toEqual([]);
  });

  test('a cancelled delayed or retrying run executes anyway: neither a sleep nor a try that comes due later does', async () => {
    const steps: string[] = [];
    const again = async (): Promise<never> => {
      steps.push('try');
      setImmediate(() => trial.cancel());
      throw new Error('again');
    };
    const flaky = task('flaky', again, { retry: { maxAttempts: 5, delay: 20 } });
    const flow = workflow('w', async (ctx) => {
      const late = ctx.sleep(20).then(() => steps.push('woken'));
      await Promise.allSettled([ctx.run(flaky), late]);
      // It outlives both delays.
      await ctx.shield(() => wait(60));
    });
    const trial = new Trial(flow);
    expect(await trial.finished).toMatchObject({ signalled: true });
    expect(steps).toEqual(['try']);
  });

  test('is not ignored while a result waits for the broker', async () => {
    const trial = new Trial(
      workflow('w', async (ctx) => ctx.run(note, 'x')),
      { manual: true },
    );
    await settle();
    trial.cancel();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });

  test('one AbortSignal shared by all jobs of a worker: each execution has its own', async () => {
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

  test('no abort signal inside a running step: each has its own, be it in a map, a shield or a scope', async () => {
    const signals: AbortSignal[] = [];
    const step = task('step', async (ctx) => {
      signals.push(ctx.signal);
      await untilAborted(ctx);
    });
    const timed = task('timed', step.body, { timeout: '1h' });
    const cleaned = deferred();
    const { flow, ctx } = captured((ctx) =>
      Promise.all([
        ctx.run(step),
        ctx.run(timed),
        ctx.map(step, [undefined, undefined]),
        ctx.scope(() => ctx.run(step)),
        ctx.shield(async () => signals.push(ctx.signal) && cleaned.promise),
      ]),
    );
    const trial = new Trial(flow);
    await settle();
    const shielded = signals.filter((signal) => signal !== ctx().signal).length;
    trial.cancel();
    expect(signals).toHaveLength(6);
    expect(shielded).toBeGreaterThan(0);
    expect(signals.filter(({ aborted }) => aborted).map(({ reason }) => reason as unknown)).toEqual(
      new Array(5).fill(ctx().signal.reason),
    );
    cleaned.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
  });

  test('a cancel meant for one hits its neighbours: neither those of its thread, nor what runs beside a scope', async () => {
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

  test('a second cancel cuts the cleanup short, or skips the kill: it changes nothing', async () => {
    const handler = jest.fn<() => void>();
    const cleaned = deferred();
    const { flow } = captured(async (ctx) => {
      ctx.onCancel(handler);
      await ctx.run(linger).catch(() => ctx.shield(() => cleaned.promise));
      throw ctx.signal.reason;
    });
    const trial = new Trial(flow);
    await settle();
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
  ])('a body that %s after it', async (how, expected) => {
    const trial = new Trial(
      workflow('w', async (ctx) => {
        try {
          if (how === 'aborts') await wait(60_000, undefined, { signal: ctx.signal });
          await ctx.run(linger);
        } catch (error) {
          if (how === 'breaks') throw new Error('else', { cause: error });
          if (how !== 'returns') throw error;
        }
        return 'anyway';
      }),
    );
    await settle();
    trial.cancel();
    expect(await trial.finished).toMatchObject({ signalled: true, ...expected });
  });

  test('after the body has ended says nothing: the truth wins', async () => {
    const held = deferred();
    const trial = new Trial(
      workflow('w', async (ctx) => {
        void ctx.shield(() => held.promise);
        return 'ended';
      }),
    );
    await settle();
    trial.cancel();
    held.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'completed', signalled: false, cleanup: null });
  });

  test('a CancelledError without a cancel is a failure', async () => {
    const trial = new Trial(
      workflow('w', async () => {
        throw new CancelledError();
      }),
    );
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
    const trial = new Trial(
      workflow('w', async (ctx) => {
        void ctx.run(stray);
        return 'ended';
      }),
    );
    await settle();
    expect(reasons).toMatchObject([{ message: 'the workflow has ended' }]);
    expect(reasons.some(isCancelled)).toBe(false);
    expect(trial.ended).toBe(false);
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'completed', output: 'ended' });
  });

  test('calls made after it are refused', async () => {
    const { flow, ctx } = captured(async () => 'ended');
    await new Trial(flow).finished;
    await expect(ctx().run(note, 'late')).rejects.toThrow('the workflow has ended');
    await expect(ctx().shield(async () => 1)).rejects.toThrow('the workflow has ended');
  });
});

describe('losing an execution', () => {
  test('ends shields and handlers too, and is no cancel', async () => {
    const handler = jest.fn<() => void>();
    const { flow, ctx } = captured(async (ctx) => {
      ctx.onCancel(handler);
      await ctx.shield(() => ctx.run(linger));
    });
    const trial = new Trial(flow);
    await settle();
    trial.execution.stop(new OwnershipLostError('gone'));
    expect(await trial.finished).toMatchObject({ outcome: 'failed', signalled: false });
    expect(isCancelled(ctx().signal.reason)).toBe(false);
    expect(handler).not.toHaveBeenCalled();
    await expect(ctx().shield(async () => 1)).rejects.toThrow('gone');
  });
});
