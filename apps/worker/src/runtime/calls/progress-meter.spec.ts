import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { task, workflow } from '@flux/sdk';
import { deferred, Trial } from '../../testing/trial.js';
import { ProgressMeter } from './progress-meter.js';

describe('a progress meter', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('lets ten a second through: the first at once, then the latest', () => {
    const sent: unknown[] = [];
    const meter = new ProgressMeter((value) => sent.push(value));
    for (let value = 0; value < 950; value += 1) {
      meter.report(value);
      jest.advanceTimersByTime(1);
    }
    expect(sent).toEqual([0, 99, 199, 299, 399, 499, 599, 699, 799, 899]);
    meter.close();
    expect(sent.at(-1)).toBe(949);
    meter.report('late');
    jest.advanceTimersByTime(1000);
    expect(sent).toHaveLength(11);
  });

  test('sends at once again after a pause, and nothing twice', () => {
    const sent: unknown[] = [];
    const meter = new ProgressMeter((value) => sent.push(value));
    meter.report('a');
    jest.advanceTimersByTime(500);
    meter.report('b');
    meter.close();
    meter.close();
    expect(sent).toEqual(['a', 'b']);
  });
});

describe('ctx.progress of a task', () => {
  test('goes out as JSON with the call it belongs to, and is never recorded', async () => {
    const gate = deferred();
    const working = task('working', async (ctx, share: number) => {
      ctx.progress({ share, at: new Date(0) });
      await gate.promise;
    });
    const trial = await Trial.begun(async (ctx) => Promise.all([ctx.run(working, 1), ctx.run(working, 2)]));
    expect(trial.progress).toMatchObject([
      { callId: 'working#0', value: { share: 1, at: '1970-01-01T00:00:00.000Z' } },
      { callId: 'working#1', value: { share: 2 } },
    ]);
    gate.resolve();
    await trial.finished;
    expect(trial.types).toEqual(['task_completed', 'task_completed']);
  });

  test('of what cannot be recorded, or too much of it, fails in the task', async () => {
    const odd = task('odd', async (ctx) => ctx.progress({ done: () => 1 }));
    const long = task('long', async (ctx) => ctx.progress('x'.repeat(200)));
    const flow = workflow('w', async (ctx) => Promise.allSettled([ctx.run(odd), ctx.run(long)]));
    const trial = new Trial(flow, { maxPayloadBytes: 100 });
    await trial.finished;
    expect(trial.events).toMatchObject([
      { error: { name: 'TypeError', message: expect.stringMatching(/a function at \.done$/) } },
      { error: { code: 'PAYLOAD_TOO_LARGE' } },
    ]);
    expect(trial.progress).toEqual([]);
  });
});
