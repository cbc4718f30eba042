import { describe, expect, test } from '@jest/globals';
import { task, type CancelScope, type ExecutionContext } from '@flux/sdk';
import fc from 'fast-check';
import { deferred, echo, errorOf, flow, linger, settle, Trial } from '../testing/trial.js';

const HOUR_MS = 3_600_000;

describe('a scope and parking', () => {
  test('the timeout of a scope is among what the execution waits for, and counts across takeovers', async () => {
    const body = flow(async (ctx) => {
      const error = await errorOf(ctx.scope(() => ctx.pause('word'), { timeout: '10m' }));
      return [(error as Error).name, await ctx.run(echo, 'went on')];
    });
    const first = new Trial(body, { parkAfterMs: 5_000 });
    const parked = await first.parked;
    expect(parked).toMatchObject({ kind: 'pause', name: 'word' });
    expect((parked.dueAt ?? 0) - Date.now()).toBeLessThanOrEqual(600_000);
    const due = first.history.map((entry) =>
      entry.type === 'timer_started' ? { ...entry, dueAt: Date.now() - 1 } : entry,
    );
    const woken = new Trial(body, { parkAfterMs: 5_000, history: due });
    expect((await woken.finished).output).toEqual(['TimeoutError', 'went on']);
    const again = new Trial(body, { parkAfterMs: 5_000, history: [...due, ...woken.history] });
    expect((await again.finished).output).toEqual(['TimeoutError', 'went on']);
    expect(again.events).toEqual([]);
  });

  test('a scope without a timeout parks as its body would', async () => {
    const body = flow((ctx) => ctx.scope(() => ctx.sleep('1h')));
    expect(await new Trial(body, { parkAfterMs: 5_000 }).parked).toMatchObject({ callId: '$sleep#0.0' });
  });
});

describe('a replay of scopes', () => {
  test('cuts a scope off where it was, though its record goes on and its time was up long ago', async () => {
    const make = () => {
      const gate = deferred<string>();
      const step = task('step', (_ctx, name: string) =>
        name === 'beside' ? gate.promise : Promise.resolve(name),
      );
      return flow(async (ctx) => {
        const beside = ctx.run(step, 'beside');
        const scope = ctx.scope(
          async () => {
            const names = [await ctx.run(step, 'a'), await ctx.run(step, 'b')];
            await errorOf(ctx.run(linger));
            gate.resolve('late');
            return names;
          },
          { timeout: 300 },
        );
        return [await Promise.race([beside, scope]), await beside, await ctx.run(step, 'after')];
      });
    };
    const first = new Trial(make());
    const { output } = await first.finished;
    expect(output).toEqual([['a', 'b'], 'late', 'after']);
    const record = first.history.map((entry) =>
      entry.type === 'timer_started' ? { ...entry, dueAt: Date.now() - HOUR_MS } : entry,
    );
    const whole = record.findIndex(({ callId }) => callId === 'step#0.1') + 1;
    for (let length = whole; length <= record.length; length += 1) {
      const again = new Trial(make(), { history: record.slice(0, length) });
      expect(await again.finished).toMatchObject({ outcome: 'completed', output });
    }
  });

  test('obeys a cancel that its code does not give again, and one that it gives at once', async () => {
    const handles: CancelScope[] = [];
    const trigger = task('trigger', async () => {
      handles[0]?.cancel('from inside a task');
    });
    const body = flow(async (ctx) => {
      const scope = ctx.scope(async (handle) => {
        handles.unshift(handle);
        await ctx.run(linger);
      });
      await ctx.run(trigger);
      const error = await errorOf(scope);
      const second = ctx.scope(() => ctx.run(linger));
      await ctx.run(echo, 'x');
      second.cancel('by code');
      const aborted = second.catch((reason: unknown) => String(reason));
      return [String(error), await aborted, await ctx.run(echo, 'end')];
    });
    const first = new Trial(body);
    const { output } = await first.finished;
    for (let length = 0; length <= first.events.length; length += 1) {
      const again = new Trial(body, { history: first.history.slice(0, length) });
      expect(await again.finished).toMatchObject({ outcome: 'completed', output });
      if (length === first.events.length) expect(again.events).toEqual([]);
    }
  });

  test('does not show a scope the results that it had not seen when it was cut off', async () => {
    const seen: string[] = [];
    const handles: CancelScope[] = [];
    const body = flow(async (ctx) => {
      const scope = ctx.scope(async (handle) => {
        handles.push(handle);
        seen.push((await ctx.run(echo, 'unseen')) as string);
      });
      await errorOf(scope);
      return ctx.run(echo, 'end');
    });
    const first = await Trial.begun(body, { manual: true });
    // The result is recorded, but not safe yet.
    expect(first.callIds).toEqual(['echo#0.0']);
    handles[0]?.cancel();
    await settle();
    first.confirm();
    await settle();
    first.confirm();
    expect(await first.finished).toMatchObject({ output: 'end' });
    const again = new Trial(body, { history: first.history });
    expect(await again.finished).toMatchObject({ outcome: 'completed', output: 'end' });
    expect(again.events).toEqual([]);
    expect(seen).toEqual([]);
  });

  test('of two whose times were both up meanwhile gives the same results to the calls after them', async () => {
    const body = flow((ctx) => {
      // The way out of the deeper scope is longer.
      const deep = () => ctx.scope(() => ctx.scope(() => ctx.run(linger), { timeout: 3 }).catch(String));
      const flat = () => ctx.scope(() => ctx.run(linger), { timeout: 5 }).catch(String);
      const after = async (name: string, scope: () => Promise<unknown>) => {
        await scope();
        return ctx.run(echo, `after ${name}`);
      };
      return Promise.all([after('deep', deep), after('flat', flat), ctx.run(echo, 'beside')]);
    });
    const first = new Trial(body);
    await first.finished;
    const cut = first.history.findIndex(({ type }) => type === 'task_completed') + 1;
    const record = first.history.slice(0, cut);
    expect(record.map(({ type }) => type)).toEqual(['timer_started', 'timer_started', 'task_completed']);
    const again = new Trial(body, { history: record });
    const { output } = await again.finished;
    expect(output).toEqual(['after deep', 'after flat', 'beside']);
    const last = new Trial(body, { history: [...record, ...again.history] });
    expect((await last.finished).output).toEqual(output);
  });

  test('comes to the same end wherever the record of an execution was cut', async () => {
    const plan = fc.array(
      fc.record({
        steps: fc.integer({ min: 0, max: 2 }),
        end: fc.constantFrom('return', 'throw', 'cancel', 'timeout', 'leave'),
        nested: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const cases = fc.asyncProperty(plan, fc.nat(), async (scopes, at) => {
      const one = async (ctx: ExecutionContext, index: number): Promise<unknown> => {
        const { steps = 0, end = 'return', nested = false } = scopes[index] ?? {};
        const inside = async (handle: CancelScope): Promise<unknown> => {
          const results: unknown[] = [];
          for (let step = 0; step < steps; step += 1) results.push(await ctx.run(echo, `${index}.${step}`));
          if (nested)
            results.push(await errorOf(ctx.scope(() => ctx.run(linger), { timeout: 3 })).then(String));
          if (end === 'throw') throw new Error('thrown');
          if (end === 'cancel') handle.cancel('mine');
          if (end === 'leave') void ctx.run(linger);
          if (end === 'cancel' || end === 'timeout') await ctx.run(linger);
          return results;
        };
        const options = end === 'timeout' ? { timeout: 5 } : {};
        const result = await ctx.scope(inside, options).catch(String);
        return [result, await ctx.run(echo, `after ${index}`)];
      };
      const body = flow((ctx) => Promise.all(scopes.map((_, index) => one(ctx, index))));
      const first = new Trial(body);
      const { output } = await first.finished;
      const record = first.history.slice(0, at % (first.events.length + 1));
      const again = new Trial(body, { history: record });
      expect(await again.finished).toMatchObject({ outcome: 'completed' });
      const last = new Trial(body, { history: [...record, ...again.history] });
      expect(await last.finished).toMatchObject({
        outcome: 'completed',
        output: (await again.finished).output,
      });
      expect(last.events).toEqual([]);
      const whole = new Trial(body, { history: first.history });
      expect(await whole.finished).toMatchObject({ outcome: 'completed', output });
    });
    await fc.assert(cases, { numRuns: 40 });
  });
});
