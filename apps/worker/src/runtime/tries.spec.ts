import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { task, workflow, type TaskContext } from '@flux/sdk';
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
