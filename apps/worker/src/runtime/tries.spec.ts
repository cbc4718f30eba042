import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import {
  NonRetryableError,
  OwnershipLostError,
  task,
  workflow,
  type RetryOptions,
  type TaskContext,
} from '@flux/sdk';
import { deferred, settle, Trial, untilAborted } from '../testing/trial.js';

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
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(flaky)));
    expect((await trial.finished).output).toBe(3);
    expect(trial.events).toMatchObject([{ type: 'task_completed', tries: 3 }]);
  });

  test('end with the last error', async () => {
    const broken = task('broken', () => Promise.reject(new Error('always')), {
      retry: { maxAttempts: 2, delay: 1 },
    });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(broken)));
    expect(await trial.finished).toMatchObject({
      outcome: 'failed',
      error: { message: 'always', code: 'TASK_FAILED' },
    });
    expect(trial.events).toMatchObject([{ type: 'task_failed', tries: 2 }]);
  });

  test.each(['a try', 'the fallback'])(
    '%s does not begin where others may own the execution',
    async (next) => {
      let isOwned = true;
      const begun: string[] = [];
      const frozen = task(
        'frozen',
        async () => {
          begun.push('a try');
          isOwned = false;
          throw new Error('always');
        },
        {
          retry: { maxAttempts: next === 'a try' ? 2 : 1, delay: 1 },
          fallback: async () => void begun.push('the fallback'),
        },
      );
      const assertOwned = (): void => {
        if (!isOwned) throw new OwnershipLostError('others may own it');
      };
      const trial = new Trial(
        workflow('w', async (ctx) => ctx.run(frozen)),
        { assertOwned },
      );
      expect(await trial.finished).toMatchObject({ error: { name: 'OwnershipLostError' } });
      expect(begun).toEqual(['a try']);
      expect(trial.events).toEqual([]);
    },
  );

  test('fail when their time is up, and their signal aborts', async () => {
    const slow = task('slow', untilAborted, { timeout: 10, retry: { maxAttempts: 2, delay: 1 } });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(slow)));
    const { error } = await trial.finished;
    expect(error).toMatchObject({ name: 'TimeoutError', message: "task 'slow' took longer than 10 ms" });
    expect(trial.events).toMatchObject([{ tries: 2 }]);
  });

  test('one whose time is up but that goes on still counts as running', async () => {
    const gate = deferred();
    const deaf = task('deaf', () => gate.promise, { timeout: 5 });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(deaf).catch(() => 'went on')));
    await wait(30);
    expect(trial.ended).toBe(false);
    gate.resolve();
    expect((await trial.finished).output).toBe('went on');
  });

  test('see the cancel on the signal of a try with a limit', async () => {
    const reasons: unknown[] = [];
    const limited = task(
      'limited',
      async (ctx: TaskContext) => untilAborted(ctx).catch((error: unknown) => reasons.push(error)),
      { timeout: '1h' },
    );
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(limited)));
    await settle();
    trial.cancel();
    await trial.finished;
    expect(reasons).toMatchObject([{ name: 'CancelledError' }]);
  });
});

describe('whether a task is tried again', () => {
  const triesWith = async (error: unknown, retry: Partial<RetryOptions> = {}): Promise<number> => {
    const body = jest.fn(() => Promise.reject(error as Error));
    const failing = task('failing', body, { retry: { maxAttempts: 3, delay: 1, ...retry } });
    await new Trial(workflow('w', async (ctx) => ctx.run(failing))).finished;
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
    const failing = task('failing', () => Promise.reject(new Error('no')), {
      retry: {
        maxAttempts: 3,
        retryable: () => {
          throw new SyntaxError('a fault in retryable');
        },
      },
    });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(failing)));
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
    const broken = task(
      'broken',
      (_ctx, _input: string): Promise<string> => Promise.reject(new Error('down')),
      {
        retry: { maxAttempts: 2, delay: 1 },
        fallback,
      },
    );
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(broken, 'page')));
    expect((await trial.finished).output).toBe('page: Error: down');
    expect(fallback).toHaveBeenCalledTimes(1);
    expect(trial.events).toMatchObject([
      { type: 'task_completed', tries: 2, output: 'page: Error: down', fallbackFor: { message: 'down' } },
    ]);
  });

  test('that throws is the task’s error', async () => {
    const broken = task('broken', () => Promise.reject(new Error('down')), {
      fallback: () => Promise.reject(new Error('down too')),
    });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(broken)));
    expect((await trial.finished).error).toMatchObject({ message: 'down too', code: 'TASK_FAILED' });
  });

  test('is skipped on cancel, in the task and while backing off between tries', async () => {
    const fallback = jest.fn(async () => 'instead');
    const running = task('running', untilAborted, { fallback });
    const resting = task('resting', () => Promise.reject(new Error('again')), {
      retry: { maxAttempts: 2, delay: '1h', maxDelay: '1h' },
      fallback,
    });
    const trial = new Trial(workflow('w', async (ctx) => Promise.all([ctx.run(running), ctx.run(resting)])));
    await settle();
    trial.cancel();
    expect((await trial.finished).outcome).toBe('cancelled');
    expect(fallback).not.toHaveBeenCalled();
    expect(trial.events).toEqual([]);
  });

  test('hears a cancel, and the execution has not stopped before it has', async () => {
    const gate = deferred();
    const reasons: unknown[] = [];
    const broken = task('broken', () => Promise.reject(new Error('down')), {
      fallback: async (ctx) => {
        await untilAborted(ctx).catch((error: unknown) => reasons.push(error));
        await gate.promise;
      },
    });
    const trial = new Trial(workflow('w', async (ctx) => ctx.run(broken)));
    await settle();
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
    const trial = new Trial(workflow('w', async (ctx) => ctx.pipeline(1, [add, add, show])));
    expect((await trial.finished).output).toBe('<3>');
    expect(trial.callIds).toEqual(['add#0', 'add#1', 'show#0']);
  });

  test('ends at the first stage that fails', async () => {
    const broken = task('broken', (_ctx, _input: number): Promise<number> =>
      Promise.reject(new Error('stage two')),
    );
    const trial = new Trial(workflow('w', async (ctx) => ctx.pipeline(1, [add, broken, show])));
    expect((await trial.finished).error).toMatchObject({ message: 'stage two' });
    expect(trial.callIds).toEqual(['add#0', 'broken#0']);
  });
});
