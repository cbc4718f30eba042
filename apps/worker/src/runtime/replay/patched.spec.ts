import { describe, expect, test } from '@jest/globals';
import type { HistoryEntry } from '@flux/contracts';
import { task, type AnyWorkflow, type ExecutionContext } from '@flux/sdk';
import { deferred, done, echo, flow, linger, settle, Trial } from '../../testing/trial.js';

/** The code of before, and of after its change in place. */
const before = flow(async (ctx) => [
  await ctx.run(echo, 'a'),
  await ctx.run(echo, 'b'),
  await ctx.run(echo, 'c'),
]);
const after = flow(async (ctx) => {
  const results: unknown[] = [await ctx.run(echo, 'a')];
  if (ctx.patched('check')) results.push(await ctx.run(echo, 'checked'));
  else results.push(await ctx.run(echo, 'b'));
  return [...results, await ctx.run(echo, 'c')];
});

async function recordOf(code: AnyWorkflow, length: number): Promise<HistoryEntry[]> {
  const trial = new Trial(code);
  await trial.finished;
  return trial.history.slice(0, length);
}

describe('ctx.patched', () => {
  test('is true in an execution that comes there first with the new code, and on record', async () => {
    const trial = new Trial(after);
    expect((await trial.finished).output).toEqual(['a', 'checked', 'c']);
    expect(trial.events[1]).toMatchObject({
      type: 'value_recorded',
      callId: '$patched.check#0',
      value: true,
    });
    const replay = new Trial(after, { history: trial.history });
    expect(await replay.finished).toMatchObject({ outcome: 'completed', output: ['a', 'checked', 'c'] });
    expect(replay.events).toEqual([]);
  });

  test.each([
    [0, ['a', 'checked', 'c']],
    [1, ['a', 'checked', 'c']],
    [2, ['a', 'b', 'c']],
    [3, ['a', 'b', 'c']],
  ])('after a takeover at %i results of the old code', async (length, output) => {
    const record = await recordOf(before, length);
    const taken = new Trial(after, { history: record });
    expect(await taken.finished).toMatchObject({ outcome: 'completed', output });
    const again = new Trial(after, { history: [...record, ...taken.history] });
    expect(await again.finished).toMatchObject({ outcome: 'completed', output });
    expect(again.events).toEqual([]);
  });

  test('once false stays false, however often and wherever the execution asks', async () => {
    const asking = flow(async (ctx) => {
      const first = ctx.patched('x');
      await ctx.run(echo, 'a');
      await ctx.run(echo, 'b');
      return [first, ctx.patched('x'), await ctx.shield(async () => ctx.patched('x')), ctx.patched('y')];
    });
    const record = await recordOf(before, 1);
    const trial = new Trial(asking, { history: record });
    expect((await trial.finished).output).toEqual([false, false, false, true]);
    expect(trial.callIds.filter((callId) => callId === '$patched.x#0')).toHaveLength(1);
    const again = new Trial(asking, { history: [...record, ...trial.history] });
    expect((await again.finished).output).toEqual([false, false, false, true]);
  });

  test('answers a replay as it answered before, whatever the branches of Promise.all have recorded since', async () => {
    const gates = new Map(['a1', 'b1', 'b2'].map((name) => [name, deferred()]));
    const step = task('step', async (_ctx, name: string) => {
      await gates.get(name)?.promise;
      return name;
    });
    const branches = (ask: (ctx: ExecutionContext) => boolean) =>
      flow((ctx) =>
        Promise.all([
          ctx.run(step, 'a1').then(() => ask(ctx)),
          ctx.run(step, 'b1').then(() => ctx.run(step, 'b2')),
        ]),
      );
    const old = await Trial.begun(branches(() => false));
    for (const name of ['b1', 'a1']) {
      gates.get(name)?.resolve();
      await settle();
    }
    expect(old.callIds).toEqual(['step#1', 'step#0']);
    const patched = branches((ctx) => ctx.patched('x'));
    const taken = await Trial.begun(patched, { history: old.history });
    gates.get('b2')?.resolve();
    const { output } = await taken.finished;
    expect(output).toEqual([true, 'b2']);
    const again = new Trial(patched, { history: [...old.history, ...taken.history] });
    expect((await again.finished).output).toEqual(output);
    expect(again.events).toEqual([]);
  });

  test('may be removed again: its record is no call that the body should have made', async () => {
    const record = await recordOf(after, 4);
    const without = flow(async (ctx) => {
      const results: unknown[] = [];
      for (const word of ['a', 'checked', 'c']) results.push(await ctx.run(echo, word));
      return results;
    });
    expect(await new Trial(without, { history: record }).finished).toMatchObject({ outcome: 'completed' });
  });

  test('is asked in a cleanup too, and after a takeover of that', async () => {
    const seen: boolean[] = [];
    const trial = new Trial(async (ctx) => {
      try {
        await ctx.run(linger);
      } finally {
        seen.push(ctx.patched('tidy'));
      }
    });
    expect(await trial.cancelled()).toMatchObject({ outcome: 'cancelled' });
    expect(seen).toEqual([true]);
  });

  test.each([[''], ['with space'], ['x'.repeat(101)], [7]])('refuses the name %j', async (id) => {
    const trial = new Trial(async (ctx) => ctx.patched(id as string));
    expect(await trial.finished).toMatchObject({ outcome: 'failed', error: { name: 'TypeError' } });
  });
});

describe('a replay that differs beside a patch', () => {
  test('still fails: the branch of before must do as it did', async () => {
    const record = [done('echo#0', 'a'), done('other#0', 'b')];
    expect(await new Trial(after, { history: record }).finished).toMatchObject({
      outcome: 'failed',
      error: { code: 'NON_DETERMINISTIC_WORKFLOW' },
    });
  });
});
