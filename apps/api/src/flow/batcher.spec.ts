import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Batcher, type BatcherOptions } from './batcher.js';

const OPTIONS: BatcherOptions = { maxBatch: 3, flights: 1, failsAll: () => false };

/** A batcher whose batches wait until they are let go. */
function gated(options: Partial<BatcherOptions> = {}) {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const batcher = new Batcher<number, number>(
    async (items) => {
      batches.push(items);
      await new Promise<void>((resolve) => gates.push(resolve));
      return items.map((item) => item * 10);
    },
    { ...OPTIONS, ...options },
  );
  return { batcher, batches, open: () => gates.splice(0).forEach((open) => open()) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('Batcher', () => {
  it('takes a lone item at once, and together what comes while it is under way, in order', async () => {
    const { batcher, batches, open } = gated();
    const first = batcher.run(1);
    await turn();
    expect(batches).toEqual([[1]]);
    const rest = [2, 3, 4, 5].map((item) => batcher.run(item));
    open();
    await first;
    await turn();
    open();
    await turn();
    open();
    expect(await Promise.all(rest)).toEqual([20, 30, 40, 50]);
    expect(batches).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('keeps as many batches under way as it may', async () => {
    const { batcher, batches, open } = gated({ flights: 2, maxBatch: 1 });
    const results = [1, 2, 3].map((item) => batcher.run(item));
    await turn();
    expect(batches).toEqual([[1], [2]]);
    open();
    await turn();
    open();
    expect(await Promise.all(results)).toEqual([10, 20, 30]);
  });

  it('fails one bad item alone, and tries its neighbours by halves, in order', async () => {
    const done: number[] = [];
    let calls = 0;
    const batcher = new Batcher<number, number>(
      (items) => {
        calls += 1;
        if (items.includes(42)) return Promise.reject(new Error('bad'));
        done.push(...items);
        return Promise.resolve(items);
      },
      { ...OPTIONS, maxBatch: 256 },
    );
    const items = Array.from({ length: 256 }, (_, item) => item);
    const results = await Promise.allSettled(items.map((item) => batcher.run(item)));
    expect(items.filter((item) => results[item]?.status === 'rejected')).toEqual([42]);
    expect(done).toEqual(items.filter((item) => item !== 42));
    expect(calls).toBe(1 + 2 * 8);
  });

  it('fails a batch whole, without trying each, when the error says nothing about its items', async () => {
    let calls = 0;
    const batcher = new Batcher<number, number>(
      () => {
        calls += 1;
        return Promise.reject(new Error('down'));
      },
      { ...OPTIONS, failsAll: () => true },
    );
    const results = await Promise.allSettled([1, 2].map((item) => batcher.run(item)));
    expect([calls, ...results.map(({ status }) => status)]).toEqual([1, 'rejected', 'rejected']);
  });

  it('is idle once nothing waits and nothing is under way', async () => {
    const { batcher, open } = gated();
    await batcher.idle();
    const result = batcher.run(1);
    let idle = false;
    const waiting = batcher.idle().then(() => (idle = true));
    await turn();
    expect(idle).toBe(false);
    open();
    await Promise.all([result, waiting]);
  });

  describe('with patient items', () => {
    beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
    afterEach(() => void jest.useRealTimers());

    it('has them wait for the next that is not, and takes them together, in order', async () => {
      const { batcher, batches, open } = gated();
      const results = [batcher.run(1, true), batcher.run(2, true)];
      await turn();
      expect(batches).toEqual([]);
      results.push(batcher.run(3));
      await turn();
      expect(batches).toEqual([[1, 2, 3]]);
      open();
      expect(await Promise.all(results)).toEqual([10, 20, 30]);
    });

    it('takes them after a while by themselves, those too that came while others were under way', async () => {
      const { batcher, batches, open } = gated();
      const urgent = batcher.run(1);
      await turn();
      const patient = [batcher.run(2, true), batcher.run(3, true)];
      open();
      await urgent;
      await turn();
      expect(batches).toEqual([[1]]);
      jest.advanceTimersByTime(4);
      await turn();
      open();
      expect(await Promise.all(patient)).toEqual([20, 30]);
      expect(batches).toEqual([[1], [2, 3]]);
    });

    it('is idle only when they are done too', async () => {
      const { batcher, open } = gated();
      let isIdle = false;
      const patient = batcher.run(1, true);
      const idle = batcher.idle().then(() => (isIdle = true));
      await turn();
      expect(isIdle).toBe(false);
      jest.advanceTimersByTime(4);
      await turn();
      open();
      expect(await patient).toBe(10);
      await idle;
    });
  });
});
