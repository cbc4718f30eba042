import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, jest, test } from '@jest/globals';
import type { HistoryEntry } from '@flux/contracts';
import { task, TaskError, workflow } from '@flux/sdk';
import { deferred, done, errorOf, flow, settle, timer, Trial } from '../../testing/trial.js';

const double = task('double', async (_ctx, input: number) => input * 2);

describe('recorded calls', () => {
  test('are numbered by name in the order they are made, whatever ends first', async () => {
    const gates = [deferred(), deferred(), deferred()];
    const gated = task('gated', async (_ctx, index: number) => gates[index]?.promise.then(() => index));
    const trial = await Trial.begun(async (ctx) => {
      const mapped = ctx.map(gated, [0, 1, 2], { concurrency: 2 });
      return [await Promise.all([ctx.run(double, 1), ctx.run(double, 2)]), await mapped];
    });
    for (const index of [1, 2, 0]) {
      gates[index]?.resolve();
      await settle();
    }
    expect((await trial.finished).output).toEqual([
      [2, 4],
      [0, 1, 2],
    ]);
    expect(trial.callIds).toEqual(['double#0', 'double#1', 'gated#1', 'gated#2', 'gated#0']);
  });

  test('return their recorded results without running again', async () => {
    const body = jest.fn(async () => 'ran');
    const once = task('once', body);
    const twice = workflow('w', async (ctx) => [await ctx.run(once), await ctx.run(once)]);
    const trial = new Trial(twice, { history: [done('once#0', 'recorded')] });
    expect((await trial.finished).output).toEqual(['recorded', 'ran']);
    expect(body).toHaveBeenCalledTimes(1);
    expect(trial.callIds).toEqual(['once#1']);
  });

  test('reject with the same error in a replay', async () => {
    const failing = task('failing', async () => {
      throw new RangeError('too far');
    });
    const errors: unknown[] = [];
    const catching = flow(async (ctx) => errors.push(await errorOf(ctx.run(failing))));
    const first = new Trial(catching);
    await first.finished;
    const history = first.events.map((event) => event as unknown as HistoryEntry);
    await new Trial(catching, { history }).finished;
    expect(errors).toHaveLength(2);
    expect(errors[0]).toEqual(errors[1]);
    expect(errors[1]).toBeInstanceOf(TaskError);
    expect(errors[1]).toMatchObject({ name: 'RangeError', message: 'too far', taskName: 'failing' });
  });

  test('resolve only once their event is safe', async () => {
    const trial = await Trial.begun(async (ctx) => ctx.run(double, 4), { manual: true });
    expect(trial.events).toMatchObject([{ type: 'task_completed', output: 8, tries: 1, inCleanup: false }]);
    expect(trial.ended).toBe(false);
    trial.confirm();
    expect((await trial.finished).output).toBe(8);
  });

  test('a race has its recorded winner again', async () => {
    const racing = workflow('w', async (ctx) => Promise.race([ctx.run(double, 1), ctx.run(double, 2)]));
    const history = [done('double#1', 'second'), done('double#0', 'first')];
    expect((await new Trial(racing, { history }).finished).output).toBe('second');
  });

  test('a sleep waits only for what is left', async () => {
    const sleeping = workflow('w', async (ctx) => ctx.sleep('1h'));
    const trial = new Trial(sleeping, { history: [timer(Date.now() + 30)] });
    expect((await trial.finished).outcome).toBe('completed');
    expect(trial.events).toEqual([]);
  });

  test('a map that failed replays without the inputs it never came to', async () => {
    const picky = task('picky', async (_ctx, input: number) => {
      if (input === 1) throw new Error('no');
      return input;
    });
    const mapping = workflow('w', async (ctx) => {
      await ctx.map(picky, [0, 1, 2, 3], { concurrency: 1 }).catch(() => undefined);
      return ctx.run(double, 1);
    });
    const first = new Trial(mapping);
    expect((await first.finished).output).toBe(2);
    expect(first.callIds).toEqual(['picky#0', 'picky#1', 'double#0']);
    const history = first.events.slice(0, 2).map((event) => event as unknown as HistoryEntry);
    expect((await new Trial(mapping, { history }).finished).output).toBe(2);
  });
});

describe('a long record', () => {
  const script = fileURLToPath(new URL('../../../dist/testing/replay-cost.js', import.meta.url));

  /** Milliseconds of CPU for each event, in a process of its own: jest's heap would count too. */
  async function costOf(events: number, concurrency: number): Promise<number> {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const args = [script, String(events), String(concurrency)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    return Number(JSON.parse(stdout));
  }

  // The promise is 0.05 ms; three times that is left to busy neighbours, with whom the caches are shared.
  test.each([1, 8])('is replayed in less than 0.05 ms an event, %d at a time', async (concurrency) => {
    const [short, long] = [await costOf(4_000, concurrency), await costOf(16_000, concurrency)];
    expect(long).toBeGreaterThan(0);
    expect(long).toBeLessThan(0.15);
    expect(long / short).toBeLessThan(3);
  });
});
