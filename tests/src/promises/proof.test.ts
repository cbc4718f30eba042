import { describe, expect, it } from '@jest/globals';
import { count, isKept, time } from './proof.js';
import { PROOFS } from './proofs.js';

describe('the proofs of the promises', () => {
  it('are twelve, each of its own promise', () => {
    expect(PROOFS.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]);
    expect(new Set(PROOFS.map(({ promise }) => promise)).size).toBe(12);
  });

  it('find a promise broken by one thing too many, by the slowest, and when nothing was measured', () => {
    expect([0, 1].map((value) => isKept(count('lost', value)))).toEqual([true, false]);
    expect([[90, 100], [90, 101], []].map((values) => isKept(time('late', values, 100)))).toEqual([
      true,
      false,
      false,
    ]);
  });
});
