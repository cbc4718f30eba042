import { describe, expect, test } from '@jest/globals';
import { workflow } from '@flux/sdk';
import { echo, linger, Trial } from '../../testing/trial.js';

const drawing = workflow('w', async (ctx) => {
  const first = { at: ctx.now(), id: ctx.uuid(), chance: ctx.random() };
  await ctx.run(echo, first);
  return [first, { at: ctx.now(), id: ctx.uuid(), chance: ctx.random() }];
});

describe('ctx.now, ctx.uuid and ctx.random', () => {
  test('are what their names say, at once', async () => {
    const before = Date.now();
    const trial = new Trial(drawing);
    const [first, second] = (await trial.finished).output as Array<{
      at: number;
      id: string;
      chance: number;
    }>;
    for (const one of [first, second]) {
      expect(one?.at).toBeGreaterThanOrEqual(before);
      expect(one?.at).toBeLessThanOrEqual(Date.now());
      expect(one?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(one?.chance).toBeGreaterThanOrEqual(0);
      expect(one?.chance).toBeLessThan(1);
    }
    expect(first?.id).not.toBe(second?.id);
  });

  test('are recorded by name and order, before any later result', async () => {
    const trial = new Trial(drawing);
    await trial.finished;
    expect(trial.callIds).toEqual([
      '$now#0',
      '$uuid#0',
      '$random#0',
      'echo#0',
      '$now#1',
      '$uuid#1',
      '$random#1',
    ]);
    expect(trial.events[0]).toMatchObject({ type: 'value_recorded', name: '$now' });
  });

  test('wait for no confirm of their own', async () => {
    const trial = new Trial(async (ctx) => [ctx.now(), ctx.uuid()].length, { manual: true });
    expect((await trial.finished).output).toBe(2);
  });

  test('a replay gets the recorded ones and records none again', async () => {
    const first = new Trial(drawing);
    const { output } = await first.finished;
    const whole = new Trial(drawing, { history: first.history });
    expect((await whole.finished).output).toEqual(output);
    expect(whole.events).toEqual([]);
    const half = new Trial(drawing, { history: first.history.slice(0, 4) });
    expect(((await half.finished).output as unknown[])[0]).toEqual((output as unknown[])[0]);
    expect(half.callIds).toEqual(['$now#1', '$uuid#1', '$random#1']);
  });

  test('come after a cancel too, numbered apart', async () => {
    const seen: unknown[] = [];
    const trial = new Trial(async (ctx) => {
      seen.push(ctx.now());
      try {
        await ctx.run(linger);
      } finally {
        seen.push(ctx.now(), await ctx.shield(async () => ctx.uuid()));
      }
    });
    expect((await trial.cancelled()).outcome).toBe('cancelled');
    expect(seen).toHaveLength(3);
    expect(trial.callIds).toEqual(['$now#0', '$now#cleanup-0', '$uuid#cleanup-0']);
  });
});
