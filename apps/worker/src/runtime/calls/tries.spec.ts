import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import {
  NonRetryableError,
  task,
  type ExecutionContext,
  type RetryOptions,
  type TaskContext,
} from '@flux/sdk';
import { deferred, failing, gated, ownership, settle, Trial, untilAborted } from '../../testing/trial.js';

describe('tries of a task', () => {
  test('go on until one succeeds, and the record tells how many', async () => {
    let calls = 0;
    const flaky = task(
      'flaky',
      async () => {
        calls += 1;
        if (calls < 3) throw new Error('not yet');
        return calls;
      },
      { retry: { maxAttempts: 5, delay: 1 } },
    );
    const trial = new Trial(async (ctx) => ctx.run(flaky));
    expect((await trial.finished).output).toBe(3);
    expect(trial.events).toMatchObject([{ type: 'task_completed', tries: 3 }]);
  });

  test('end with the last error', async () => {
    const broken = failing('always', { retry: { maxAttempts: 2, delay: 1 } });
    const trial = new Trial(async (ctx) => ctx.run(broken));
    expect(await trial.finished).toMatchObject({
      outcome: 'failed',
      error: { message: 'always', code: 'TASK_FAILED' },
    });
    expect(trial.events).toMatchObject([{ type: 'task_failed', tries: 2 }]);
  });

  describe.each(['600h', '720h', '1440h', 'P400D'])('that may take %s', (long) => {
    const linger = { timeout: long, retry: { maxAttempts: 4, delay: long, maxDelay: long } };

    test.each([
      ['a task', (ctx: ExecutionContext) => ctx.run(task('t', () => wait(30, 'done'), linger))],
      ['a shield', (ctx: ExecutionContext) => ctx.shield(() => wait(30, 'done'), { timeout: long })],
      ['a scope', (ctx: ExecutionContext) => ctx.scope(() => wait(30, 'done'), { timeout: long })],
    ])('%s is not over at once (elsewhere: thirty days are over at once)', async (_what, body) => {
      expect(await new Trial(body).finished).toMatchObject({ output: 'done' });
    });

    test('do not follow at once (elsewhere: thirty days are over at once)', async () => {
      const tries = jest.fn(() => Promise.reject(new Error('always')));
      const trial = new Trial(async (ctx) => ctx.run(task('t', tries, linger)));
      await wait(30);
      trial.cancel();
      expect(await trial.finished).toMatchObject({ outcome: 'cancelled' });
      expect(tries).toHaveBeenCalledTimes(1);
    });
  });

  test.each(['a try', 'the fallback'])(
    '%s does not begin where others may own the execution',
    async (next) => {
      const { assertOwned, lose } = ownership();
      const begun: string[] = [];
      const frozen = task(
        'frozen',
        async () => {
          begun.push('a try');
          lose();
          throw new Error('always');
        },
        {
          retry: { maxAttempts: next === 'a try' ? 2 : 1, delay: 1 },
          fallback: async () => void begun.push('the fallback'),
        },
      );
      const trial = new Trial(async (ctx) => ctx.run(frozen), { assertOwned });
      expect(await trial.finished).toMatchObject({ error: { name: 'OwnershipLostError' } });
      expect(begun).toEqual(['a try']);
      expect(trial.events).toEqual([]);
    },
  );

  test('fail when their time is up, and their signal aborts', async () => {
    const slow = task('slow', untilAborted, { timeout: 10, retry: { maxAttempts: 2, delay: 1 } });
    const trial = new Trial(async (ctx) => ctx.run(slow));
    const { error } = await trial.finished;
    expect(error).toMatchObject({ name: 'TimeoutError', message: "task 'slow' took longer than 10 ms" });
    expect(trial.events).toMatchObject([{ tries: 2 }]);
  });

  test('count as running while they go on after their time is up', async () => {
    const deaf = gated('deaf', { timeout: 5 });
    const trial = new Trial(async (ctx) => ctx.run(deaf).catch(() => 'went on'));
    await wait(30);
    expect(trial.ended).toBe(false);
    deaf.open();
    expect((await trial.finished).output).toBe('went on');
  });
});

describe('whether a task is tried again', () => {
  const triesWith = async (error: unknown, retry: Partial<RetryOptions> = {}): Promise<number> => {
    const body = jest.fn(() => Promise.reject(error as Error));
    const broken = task('broken', body, { retry: { maxAttempts: 3, delay: 1, ...retry } });
    await new Trial(async (ctx) => ctx.run(broken)).finished;
    return body.mock.calls.length;
  };
  const foreign = Object.assign(new Error('no'), { [Symbol.for('flux.nonRetryable')]: true });

  test.each<[string, unknown, Partial<RetryOptions>, number]>([
    ['always, unless told otherwise', new Error('no'), {}, 3],
    ['not after a NonRetryableError', new NonRetryableError('no'), {}, 1],
    ['not after one of another copy of the SDK', foreign, {}, 1],
    ['not when retryable says no', new RangeError('no'), { retryable: (e) => !(e instanceof RangeError) }, 1],
    ['when retryable says yes', new TypeError('no'), { retryable: (e) => !(e instanceof RangeError) }, 3],
    [
      'not after a NonRetryableError that retryable would try',
      new NonRetryableError(),
      { retryable: () => true },
      1,
    ],
  ])('%s', async (_what, error, retry, expected) => {
    expect(await triesWith(error, retry)).toBe(expected);
  });

  test('what retryable throws is the error', async () => {
    const retryable = (): never => {
      throw new SyntaxError('a fault in retryable');
    };
    const broken = failing('no', { retry: { maxAttempts: 3, retryable } });
    const trial = new Trial(async (ctx) => ctx.run(broken));
    expect((await trial.finished).error).toMatchObject({
      name: 'SyntaxError',
      message: 'a fault in retryable',
    });
  });

  test.each([[2], [-0.1], [Number.NaN]])('jitter %s is refused', (jitter) => {
    expect(() => task('t', async () => 1, { retry: { maxAttempts: 2, jitter } })).toThrow(
      /jitter is a number from 0 to 1/,
    );
  });

  test('jitter shortens the delays', async () => {
    const began = performance.now();
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    await triesWith(new Error('no'), { delay: 10_000, jitter: true });
    jest.restoreAllMocks();
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('a fallback', () => {
  test('answers after the last try, and the record tells why', async () => {
    const fallback = jest.fn(
      async (_ctx: TaskContext, input: string, error: unknown) => `${input}: ${String(error)}`,
    );
    const broken = failing('down', { retry: { maxAttempts: 2, delay: 1 }, fallback });
    const trial = new Trial(async (ctx) => ctx.run(broken, 'page'));
    expect((await trial.finished).output).toBe('page: Error: down');
    expect(fallback).toHaveBeenCalledTimes(1);
    expect(trial.events).toMatchObject([
      { type: 'task_completed', tries: 2, output: 'page: Error: down', fallbackFor: { message: 'down' } },
    ]);
  });

  test('that throws is the task’s error', async () => {
    const broken = failing('down', { fallback: () => Promise.reject(new Error('down too')) });
    const trial = new Trial(async (ctx) => ctx.run(broken));
    expect((await trial.finished).error).toMatchObject({ message: 'down too', code: 'TASK_FAILED' });
  });

  test('is skipped on cancel, in the task and while backing off between tries', async () => {
    const fallback = jest.fn(async () => 'instead');
    const running = task('running', untilAborted, { fallback });
    const resting = failing('again', { retry: { maxAttempts: 2, delay: '1h', maxDelay: '1h' }, fallback });
    const trial = new Trial(async (ctx) => Promise.all([ctx.run(running), ctx.run(resting)]));
    expect((await trial.cancelled()).outcome).toBe('cancelled');
    expect(fallback).not.toHaveBeenCalled();
    expect(trial.events).toEqual([]);
  });

  test('hears a cancel, and the execution has not stopped before it has', async () => {
    const gate = deferred();
    const reasons: unknown[] = [];
    const broken = failing('down', {
      fallback: async (ctx) => {
        await untilAborted(ctx).catch((error: unknown) => reasons.push(error));
        await gate.promise;
      },
    });
    const trial = await Trial.begun(async (ctx) => ctx.run(broken));
    trial.cancel();
    await settle();
    expect(reasons).toMatchObject([{ name: 'CancelledError' }]);
    expect(trial.ended).toBe(false);
    gate.resolve();
    expect((await trial.finished).outcome).toBe('cancelled');
    expect(trial.events).toEqual([]);
  });
});

describe('a pipeline', () => {
  const add = task('add', async (_ctx, input: number) => input + 1);
  const show = task('show', async (_ctx, input: number) => `<${input}>`);

  test('hands each output on as the next input', async () => {
    const trial = new Trial(async (ctx) => ctx.pipeline(1, [add, add, show]));
    expect((await trial.finished).output).toBe('<3>');
    expect(trial.callIds).toEqual(['add#0', 'add#1', 'show#0']);
  });

  test('ends at the first stage that fails', async () => {
    const broken = failing<number, number>('stage two');
    const trial = new Trial(async (ctx) => ctx.pipeline(1, [add, broken, show]));
    expect((await trial.finished).error).toMatchObject({ message: 'stage two' });
    expect(trial.callIds).toEqual(['add#0', 'broken#0']);
  });
});
