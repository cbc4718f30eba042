import { describe, expect, it } from '@jest/globals';
import { bodyTimeMs } from './body-time.js';

describe('the time of a body for its cleanup', () => {
  it('is the whole grace period, however late it hears of the cancel, up to the last moment', () => {
    const notice = { remainingMs: 5_000, graceMs: 5_000, latestMs: 20_000 };
    const times = [0, 8_000, 15_000, 18_000, 25_000].map((waitedMs) => bodyTimeMs(notice, waitedMs));
    expect(times).toEqual([5_000, 5_000, 5_000, 2_000, 0]);
  });

  it('is nothing more where the cancel is forced, and what an api of before says is left', () => {
    expect(bodyTimeMs({ remainingMs: 0 }, 0)).toBe(0);
    expect(
      [1_000, 9_000].map((waitedMs) => bodyTimeMs({ remainingMs: 5_000, graceMs: 5_000 }, waitedMs)),
    ).toEqual([4_000, 0]);
  });
});
