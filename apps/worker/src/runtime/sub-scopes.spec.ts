import { describe, expect, test } from '@jest/globals';
import { isCancelled, task, TimeoutError } from '@flux/sdk';
import {
  deferred,
  echo,
  errorOf,
  flow,
  gated,
  linger,
  settle,
  Trial,
  untilAborted,
} from '../testing/trial.js';

describe('a scope', () => {
  test('gives what its function gives', async () => {
    const trial = new Trial(async (ctx) => [
      await ctx.scope(async () => ctx.run(echo, 1)),
      await ctx.scope(() => 2, { timeout: '1h' }),
      await errorOf(ctx.scope(() => Promise.reject(new RangeError('no')))).then(String),
    ]);
    expect((await trial.finished).output).toEqual([1, 2, 'RangeError: no']);
    expect(trial.callIds).toEqual(['echo#0.0', '$scope#1']);
  });

  test('cancelled by code rejects what it waits for and what it asks for later, with one error; others go on', async () => {
    const inside: unknown[] = [];
    const other = gated<string>('other');
    const body = flow(async (ctx) => {
      const beside = ctx.run(other);
      let signal: AbortSignal | undefined;
      const scope = ctx.scope(async (handle) => {
        signal = handle.signal;
        expect(ctx.signal).toBe(handle.signal);
        await Promise.all([
          ctx.run(linger).catch((error: unknown) => inside.push(error)),
          ctx.sleep('1h').catch((error: unknown) => inside.push(error)),
        ]);
        await ctx.run(echo, 'late');
      });
      await ctx.run(echo, 'first');
      scope.cancel('found it');
      scope.cancel('again');
      const error = await errorOf(scope);
      inside.push(error, signal?.reason);
      other.open('went on');
      return [await beside, ctx.isCancelled, ctx.signal.aborted, await ctx.run(echo, 'after')];
    });
    expect((await new Trial(body).finished).output).toEqual(['went on', false, false, 'after']);
    expect(new Set(inside).size).toBe(1);
    expect(inside).toHaveLength(4);
    expect(inside[0]).toMatchObject({ name: 'CancelledError', cause: 'scope', reason: 'found it' });
    expect((inside[0] as Error).message).toBe('the scope was cancelled: found it');
    expect(isCancelled(inside[0])).toBe(true);
  });

  test.each([
    ['a long one', 'x'.repeat(5000), /^x{1000}…$/],
    ['one that is no text', { of: 1n } as unknown as string, /^thrown: \{ of: '1' \}$/],
  ])('whose reason is %s has a short text on record', async (_what, reason, text) => {
    const trial = new Trial(async (ctx) => {
      const scope = ctx.scope(() => ctx.run(linger));
      scope.cancel(reason);
      await scope;
    });
    expect((await trial.finished).error?.message).toMatch(/^the scope was cancelled: /);
    expect(trial.events.find(({ type }) => type === 'value_recorded')).toMatchObject({
      value: { kind: 'cancelled', reason: expect.stringMatching(text) },
    });
  });

  test('whose time is up rejects with a TimeoutError, and its function may make something of it', async () => {
    const body = flow(async (ctx) => {
      const plain = await errorOf(ctx.scope(() => ctx.run(linger), { timeout: 20 }));
      const partial = await ctx.scope(
        async () => {
          const found = [await ctx.run(echo, 'one')];
          await ctx.run(linger).catch((error: unknown) => expect(error).toBeInstanceOf(TimeoutError));
          return [...found, typeof ctx.now()];
        },
        { timeout: 300 },
      );
      expect(plain).toBeInstanceOf(TimeoutError);
      expect((plain as Error).message).toMatch(/a scope took longer than 20 ms/);
      return partial;
    });
    expect((await new Trial(body).finished).output).toEqual(['one', 'number']);
  });

  test('does not settle before everything that was started in it has ended', async () => {
    const unwinding = deferred();
    const shielded = deferred();
    const slow = task('slow', (ctx) => untilAborted(ctx).catch(() => unwinding.promise));
    const trial = await Trial.begun(async (ctx) => {
      const scope = ctx.scope(async () => {
        void ctx.shield(() => shielded.promise);
        void ctx.scope(() => ctx.run(slow));
        await ctx.run(linger);
      });
      scope.cancel();
      await errorOf(scope);
      return 'over';
    });
    expect(trial.ended).toBe(false);
    unwinding.resolve();
    await settle();
    expect(trial.ended).toBe(false);
    shielded.resolve();
    expect((await trial.finished).output).toBe('over');
  });

  test('that its function leaves aborts the calls it left behind', async () => {
    const reasons: unknown[] = [];
    const stray = task('stray', (ctx) => untilAborted(ctx).catch((error: unknown) => reasons.push(error)));
    const body = flow((ctx) =>
      ctx.scope(async () => {
        void ctx.run(stray);
        await ctx.run(echo, 1);
        return 'left';
      }),
    );
    expect((await new Trial(body).finished).output).toBe('left');
    expect(reasons).toMatchObject([{ message: 'the scope has ended' }]);
  });

  test('refuses calls once it has ended, wherever they come from', async () => {
    const gate = deferred();
    let late: Promise<unknown> | undefined;
    const body = flow(async (ctx) => {
      await ctx.scope(() => {
        late = gate.promise.then(() => errorOf(ctx.run(echo, 'late')));
      });
      gate.resolve();
      return String(await late);
    });
    expect((await new Trial(body).finished).output).toBe('Error: the scope has ended');
  });

  test('inside another is cut off with it, and alone only by itself', async () => {
    const body = flow(async (ctx) => {
      const seen: unknown[] = [];
      const outer = ctx.scope(async () => {
        const inner = ctx.scope(() => ctx.run(linger));
        inner.cancel('inner');
        seen.push(await errorOf(inner));
        seen.push(await errorOf(ctx.scope(() => ctx.run(linger))));
      });
      await ctx.run(echo, 1);
      outer.cancel('outer');
      seen.push(await errorOf(outer));
      return seen.map((error) => (error as { reason?: unknown } | undefined)?.reason ?? null);
    });
    expect((await new Trial(body).finished).output).toEqual(['inner', 'outer', null]);
  });

  test('leaves a shield inside alone; the cancel surfaces right after it', async () => {
    const body = flow(async (ctx) => {
      const seen: unknown[] = [];
      const scope = ctx.scope(async (handle) => {
        seen.push(
          await ctx.shield(async () => {
            handle.cancel('now');
            return [await ctx.run(echo, 'shielded'), ctx.signal.aborted];
          }),
        );
        await ctx.run(echo, 'after');
      });
      return [...seen, String(await errorOf(scope)), seen[0]];
    });
    expect((await new Trial(body).finished).output).toEqual([
      'CancelledError: the scope was cancelled: now',
      ['shielded', false],
    ]);
  });

  test('in a shield is out of the reach of the execution’s cancel, and can be cancelled all the same', async () => {
    const trial = new Trial(async (ctx) => {
      await errorOf(ctx.run(linger));
      return ctx.shield(async () => {
        const inner = ctx.scope(() => ctx.run(linger), { timeout: 20 });
        return [String(await errorOf(inner)), await ctx.run(echo, 'cleaned')];
      });
    });
    expect(await trial.cancelled()).toMatchObject({
      outcome: 'completed',
      output: ['TimeoutError: a scope took longer than 20 ms', 'cleaned'],
      cleanup: 'succeeded',
    });
  });

  test('is reached by the execution’s cancel, which wins over its own', async () => {
    const seen: unknown[] = [];
    const unwinding = deferred();
    const trial = await Trial.begun(async (ctx) => {
      const scope = ctx.scope(async () => {
        await errorOf(ctx.run(linger));
        await ctx.shield(() => unwinding.promise);
        seen.push(await errorOf(ctx.run(echo, 'late')));
      });
      const other = ctx.scope(() => ctx.run(linger));
      await ctx.run(echo, 1);
      scope.cancel('mine');
      seen.push(await errorOf(other));
      await scope;
      throw ctx.signal.reason;
    });
    trial.cancel();
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
    expect(seen).toHaveLength(2);
    for (const error of seen) expect(error).toMatchObject({ cause: 'request', reason: 'wrong file' });
  });

  test('that unwinds because its time is up rejects with the execution’s cancel when that comes meanwhile', async () => {
    const unwinding = deferred();
    const cut = deferred();
    const slow = task('slow', (ctx) => untilAborted(ctx).catch(() => unwinding.promise));
    let thrown: unknown;
    const trial = new Trial(async (ctx) => {
      const scope = ctx.scope(
        (self) => {
          self.signal.addEventListener('abort', () => cut.resolve());
          return ctx.run(slow);
        },
        { timeout: 20 },
      );
      thrown = await errorOf(scope);
      throw thrown;
    });
    await cut.promise;
    trial.cancel();
    unwinding.resolve();
    expect(await trial.finished).toMatchObject({ outcome: 'cancelled', signalled: true });
    expect(thrown).toMatchObject({ name: 'CancelledError', cause: 'request' });
  });

  test('that was cancelled leaves its completed tasks to the rollbacks of the execution', async () => {
    const undone: unknown[] = [];
    const book = task('book', async (_ctx, what: string) => what, {
      rollback: async (_ctx, what) => void undone.push(what),
    });
    const body = flow(async (ctx) => {
      await ctx.run(book, 'flight');
      const scope = ctx.scope(async () => {
        await ctx.run(book, 'hotel');
        await ctx.run(linger);
      });
      await ctx.run(echo, 1);
      scope.cancel();
      await errorOf(scope);
      await settle();
      expect(undone).toEqual([]);
      throw new Error('no');
    });
    expect((await new Trial(body).finished).error).toMatchObject({ message: 'no' });
    expect(undone).toEqual(['hotel', 'flight']);
  });

  test('keeps no task from hearing its own signal, and no neighbour hears it', async () => {
    const signals: AbortSignal[] = [];
    const hear = task('hear', (ctx) => {
      signals.push(ctx.signal);
      return untilAborted(ctx);
    });
    const body = flow(async (ctx) => {
      const [one, other] = [ctx.scope(() => ctx.run(hear)), ctx.scope(() => ctx.run(hear))];
      await ctx.run(echo, 1);
      one.cancel();
      await errorOf(one);
      const aborted = signals.map((signal) => signal.aborted);
      other.cancel();
      await errorOf(other);
      return aborted;
    });
    expect((await new Trial(body).finished).output).toEqual([true, false]);
  });
});
