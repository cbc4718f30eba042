import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import type { ErrorInfo, HistoryEntry } from '@flux/contracts';
import { task, type ExecutionContext } from '@flux/sdk';
import { timed } from '@flux/testing';
import { done, timer, Trial } from '../../testing/trial.js';

const one = task('one', async () => 1);
const two = task('two', async () => 2);

/** How a body ends that has this history. */
async function replayed(
  body: (ctx: ExecutionContext) => Promise<unknown>,
  history: readonly HistoryEntry[],
): Promise<{
  readonly error: ErrorInfo | null;
  readonly output: unknown;
  readonly tookMs: number;
  /** Without what the machine held the process up. */
  readonly fairMs: number;
}> {
  const { result, tookMs, heldUpMs } = await timed(() => new Trial(body, { history }).finished);
  const { error, output } = result;
  return { error, output, tookMs, fairMs: tookMs - heldUpMs };
}

const value = (callId: string, recorded: unknown): HistoryEntry => ({
  type: 'value_recorded',
  callId,
  name: callId.split('#', 1)[0] ?? '',
  value: recorded,
});
describe('a body that makes other calls than the record has', () => {
  test.each<[string, HistoryEntry[], string]>([
    ['a task', [done('one#0', 1), done('two#0', 2)], 'two#0'],
    ['a further call of a task', [done('one#0', 1), done('one#1', 1)], 'one#1'],
    ['a sleep', [done('one#0', 1), timer(1)], '$sleep#0'],
    ['a value', [done('one#0', 1), value('$uuid#0', 'x')], '$uuid#0'],
  ])('ends before it comes to %s: fails at once, naming it', async (_what, history, missing) => {
    const { error, fairMs } = await replayed(async (ctx) => ctx.run(one), history);
    expect(error).toMatchObject({
      code: 'NON_DETERMINISTIC_WORKFLOW',
      message: `the record has '${missing}', a call that the workflow did not make before it returned`,
    });
    expect(fairMs).toBeLessThan(1000);
  });

  test('throws before it comes to one: both are told', async () => {
    const { error } = await replayed(
      async () => Promise.reject(new RangeError('new check')),
      [done('one#0', 1)],
    );
    expect(error).toMatchObject({
      code: 'NON_DETERMINISTIC_WORKFLOW',
      message:
        "the record has 'one#0', a call that the workflow did not make before it threw RangeError: new check",
    });
  });

  test('asks for another one, which does not run: fails after the stall, naming both, though it is caught', async () => {
    const body = jest.fn(async () => 2);
    const other = task('two', body);
    const { error, fairMs } = await replayed(
      async (ctx) => ctx.run(other).catch(() => 'fine'),
      [done('one#0', 1)],
    );
    expect(body).not.toHaveBeenCalled();
    expect(error).toMatchObject({
      code: 'NON_DETERMINISTIC_WORKFLOW',
      message: "the record has 'one#0' where the workflow now makes the call 'two#0'",
    });
    expect(fairMs).toBeLessThan(4000);
  });

  test('leaves a branch behind that never comes to it: fails after the stall', async () => {
    const { error, tookMs } = await replayed(
      async (ctx) => Promise.all([ctx.run(one), ctx.run(two)]),
      [done('one#0', 1), done('two#0', 2), done('two#1', 2)],
    );
    expect(error?.message).toContain("'two#1'");
    expect(tookMs).toBeGreaterThan(1500);
  });
});

describe('a body that makes the same calls', () => {
  test('may leave the loser of a race behind, which still comes to its calls', async () => {
    const loser = async (ctx: ExecutionContext): Promise<unknown> => {
      await ctx.run(two);
      await wait(30);
      await ctx.run(two);
      return wait(60_000, undefined, { signal: ctx.signal, ref: false });
    };
    const { error, output } = await replayed(
      async (ctx) => Promise.race([loser(ctx), ctx.sleep(1)]),
      [timer(1), done('two#0', 2), done('two#1', 2)],
    );
    expect([error, output]).toEqual([null, null]);
  });

  test('may do without the values of a branch that it left behind', async () => {
    const { error } = await replayed(
      async (ctx) => Promise.race([ctx.run(one), ctx.run(two)]),
      [done('one#0', 1), value('$now#0', 1)],
    );
    expect(error).toBeNull();
  });
});
