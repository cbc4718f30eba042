import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoff } from './backoff.js';
import { firstDeadline, isPast, repeatedDeadline } from './deadlines.js';
import { retryDelay } from './retry.js';

describe('a cancel deadline', () => {
  it('is the grace period after the request, or the request itself when forced', () => {
    expect(firstDeadline(1000, 500, false)).toEqual({ requestedAt: 1000, deadlineAt: 1500 });
    expect(firstDeadline(1000, 500, true)).toEqual({ requestedAt: 1000, deadlineAt: 1000 });
  });

  it('is never moved by a plain repeat, and only nearer by a forced one', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), fc.nat(20_000), fc.boolean(), (at, grace, later, force) => {
        const standing = firstDeadline(at, grace, false);
        const repeated = repeatedDeadline(standing, at + later, force);
        expect(repeated.requestedAt).toBe(standing.requestedAt);
        expect(repeated.deadlineAt).toBe(
          force ? Math.min(standing.deadlineAt, at + later) : standing.deadlineAt,
        );
      }),
    );
  });

  it('is past from its own moment on, margin included', () => {
    expect(isPast(1000, 999)).toBe(false);
    expect(isPast(1000, 1000)).toBe(true);
    expect(isPast(1000, 1499, 500)).toBe(false);
    expect(isPast(1000, 1500, 500)).toBe(true);
  });
});

describe('backoff', () => {
  const growth = { firstMs: 100, longestMs: 1_000 };

  it('doubles up to its cap, from below the first where the count says so', () => {
    expect([-2, -1, 0, 1, 2, 3, 4, 10_000].map((count) => backoff(growth, count))).toEqual([
      25, 50, 100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect([0, 1, 2].map((count) => backoff({ ...growth, factor: 3 }, count))).toEqual([100, 300, 900]);
  });

  it('never falls, is never beyond its cap, and stays nothing where the first is nothing', () => {
    const factor = fc.double({ min: 1, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.nat(), fc.nat(), factor, fc.nat(3_000), (firstMs, longestMs, factor, count) => {
        const waits = [count, count + 1].map((each) => backoff({ firstMs, longestMs, factor }, each));
        expect(waits[0]).toBeLessThanOrEqual(waits[1]!);
        expect(waits[1]).toBeLessThanOrEqual(longestMs);
        expect(backoff({ firstMs: 0, longestMs, factor }, count)).toBe(0);
      }),
    );
  });
});

describe('retryDelay', () => {
  const policy = { maxAttempts: 4, delayMs: 100, backoff: 2, maxDelayMs: 300, jitter: 0 };

  it('backs off up to its cap and ends with the last try', () => {
    expect([1, 2, 3, 4].map((tries) => retryDelay(policy, tries, 0.5))).toEqual([100, 200, 300, undefined]);
  });

  it('is shortened by chance, within the share that jitter gives it', () => {
    const shaken = { ...policy, jitter: 0.5 };
    expect([0, 0.5, 0.999].map((chance) => retryDelay(shaken, 2, chance))).toEqual([
      200,
      150,
      expect.closeTo(100.1, 5),
    ]);
    expect(retryDelay({ ...policy, jitter: 1 }, 1, 0.9)).toBeCloseTo(10);
  });
});
