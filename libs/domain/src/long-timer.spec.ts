import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { abortAfter, LongTimer, sleep } from './long-timer.js';

const DAY_MS = 24 * 3_600_000;

describe('timers of any length', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** Each way to wait, and whether its time is up. */
  const ways: Array<readonly [string, (ms: number) => () => boolean]> = [
    ['a LongTimer', (ms) => flag((done) => void new LongTimer(ms, done))],
    ['a LongTimer that keeps no process alive', (ms) => flag((done) => void new LongTimer(ms, done).unref())],
    ['a sleep', (ms) => flag((done) => void sleep(ms).then(done))],
    ['a signal', (ms) => flag((done) => abortAfter(ms).addEventListener('abort', done))],
  ];

  function flag(begin: (done: () => void) => void): () => boolean {
    let isOver = false;
    begin(() => (isOver = true));
    return () => isOver;
  }

  describe.each(ways)('%s', (_way, begin) => {
    test.each([0, 1, 20, 24.8, 24.9, 30, 60, 400])('of %d days ends then, and not before', async (days) => {
      const isOver = begin(days * DAY_MS);
      if (days > 0) await jest.advanceTimersByTimeAsync(days * DAY_MS - 1);
      expect(isOver()).toBe(false);
      await jest.advanceTimersByTimeAsync(2);
      expect(isOver()).toBe(true);
    });

    test('that is infinite never ends', async () => {
      const isOver = begin(Number.POSITIVE_INFINITY);
      await jest.advanceTimersByTimeAsync(1000 * DAY_MS);
      expect(isOver()).toBe(false);
    });
  });

  test('a cleared timer never ends, and tells what was left', async () => {
    const onEnd = jest.fn();
    const timer = new LongTimer(50 * DAY_MS, onEnd);
    await jest.advanceTimersByTimeAsync(30 * DAY_MS);
    expect(timer.remainingMs).toBe(20 * DAY_MS);
    timer.clear();
    await jest.advanceTimersByTimeAsync(100 * DAY_MS);
    expect(onEnd).not.toHaveBeenCalled();
  });

  test('a sleep rejects with the reason of its signal, be it before or later', async () => {
    const controller = new AbortController();
    const slept = expect(sleep(40 * DAY_MS, controller.signal)).rejects.toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: 'enough',
    });
    await jest.advanceTimersByTimeAsync(30 * DAY_MS);
    controller.abort('enough');
    await slept;
    await expect(sleep(1, controller.signal)).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(jest.getTimerCount()).toBe(0);
  });
});
