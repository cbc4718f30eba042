import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decideOverlap,
  dueTimes,
  intervalTimes,
  OVERLAP_POLICIES,
  singleTime,
  type NextTime,
} from './schedules.js';

const GRID = fc.record({
  anchor: fc.integer({ min: 0, max: 10_000 }),
  every: fc.integer({ min: 1, max: 500 }),
});
const WIDE = { windowMs: 1e9, limit: 1e6, countLimit: 1e6 };

function take(next: NextTime, from: number, count: number): number[] {
  const times: number[] = [];
  for (let time = next(from); time !== undefined && times.length < count; time = next(time)) times.push(time);
  return times;
}

describe('an interval', () => {
  it('begins one length after its anchor, and delays do not move it', () => {
    const next = intervalTimes(1_000, 250);
    expect(take(next, 0, 4)).toEqual([1_250, 1_500, 1_750, 2_000]);
    expect(next(1_250)).toBe(1_500);
    expect(next(1_251)).toBe(1_500);
    expect(next(1_499)).toBe(1_500);
  });

  it('gives after any time the next one of its grid', () => {
    fc.assert(
      fc.property(GRID, fc.integer({ min: 0, max: 50_000 }), ({ anchor, every }, after) => {
        const time = intervalTimes(anchor, every)(after) ?? Number.NaN;
        expect((time - anchor) % every).toBe(0);
        expect(time).toBeGreaterThan(Math.max(after, anchor));
        expect(time - Math.max(after, anchor)).toBeLessThanOrEqual(every);
      }),
    );
  });
});

it('a single time comes once', () => {
  const next = singleTime(500);
  expect([next(499), next(500), next(501)]).toEqual([500, undefined, undefined]);
});

describe('what is due', () => {
  it('is nothing before its time', () => {
    expect(dueTimes(intervalTimes(0, 100), 300, 299, WIDE)).toEqual({
      missed: undefined,
      times: [],
      next: 300,
    });
  });

  it('tells what came within the window from what was missed', () => {
    const due = dueTimes(intervalTimes(0, 100), 100, 1_050, { ...WIDE, windowMs: 250 });
    expect(due).toEqual({
      missed: { first: 100, last: 700, count: 7, more: false },
      times: [800, 900, 1_000],
      next: 1_100,
    });
  });

  it('ends counting at the limit, and loses no time of the window', () => {
    const due = dueTimes(intervalTimes(0, 1), 1, 100_000, { windowMs: 3, limit: 10, countLimit: 50 });
    expect(due).toEqual({
      missed: { first: 1, last: 50, count: 50, more: true },
      times: [99_997, 99_998, 99_999, 100_000],
      next: 100_001,
    });
  });

  it('gives each time of the grid once, whenever it is looked at and however much is taken at a look', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        GRID,
        looks,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 600 }),
        (grid, steps, limit, windowMs) => {
          const next = intervalTimes(grid.anchor, grid.every);
          let now = grid.anchor;
          let from = next(now);
          const told: number[] = [];
          let missedCount = 0;
          for (const step of steps) {
            now += step;
            if (from === undefined) throw new Error('an interval has no end');
            const due = dueTimes(next, from, now, { windowMs, limit, countLimit: 1e6 });
            if (due.missed) {
              expect(due.missed.last).toBeLessThan(now - windowMs);
              missedCount += due.missed.count;
              told.push(...take(next, due.missed.first - 1, due.missed.count));
            }
            expect(due.times.every((time) => time >= now - windowMs && time <= now)).toBe(true);
            expect(due.times.length).toBeLessThanOrEqual(limit);
            told.push(...due.times);
            from = due.next;
          }
          expect(told).toEqual(take(next, grid.anchor, told.length));
          expect(from).toBe(next(told.at(-1) ?? grid.anchor));
          expect(missedCount).toBeLessThanOrEqual(told.length);
        },
      ),
    );
  });
});

describe('overlap', () => {
  const facts = [true, false].flatMap((running) => [true, false].map((waiting) => ({ running, waiting })));

  it('starts whenever nothing goes on and nothing waits, under every policy', () => {
    for (const policy of OVERLAP_POLICIES) {
      expect(decideOverlap(policy, { running: false, waiting: false })).toEqual({ kind: 'start' });
    }
  });

  it('allow always starts', () => {
    for (const each of facts) expect(decideOverlap('allow', each)).toEqual({ kind: 'start' });
  });

  it('one fire waits at most, and nothing overtakes it', () => {
    for (const policy of ['skip', 'queue', 'cancel'] as const) {
      for (const running of [true, false]) {
        expect(decideOverlap(policy, { running, waiting: true })).toEqual({
          kind: 'skip',
          because: 'waiting',
        });
      }
    }
  });

  it('skip leaves out, queue waits, cancel waits for the end that it causes', () => {
    const running = { running: true, waiting: false };
    expect(decideOverlap('skip', running)).toEqual({ kind: 'skip', because: 'running' });
    expect(decideOverlap('queue', running)).toEqual({ kind: 'wait', cancel: false });
    expect(decideOverlap('cancel', running)).toEqual({ kind: 'wait', cancel: true });
  });
});
