import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DatabaseClock } from './database-clock.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => void jest.useFakeTimers({ now: NOW }));
afterEach(() => void jest.useRealTimers());

/** A clock whose database is `ahead()` ms ahead, and answers `takesMs` later as of half that time. */
function clockOf(ahead: () => number, takesMs = 0): DatabaseClock {
  return new DatabaseClock(() => {
    const told = Date.now() + takesMs / 2 + ahead();
    jest.setSystemTime(Date.now() + takesMs);
    return Promise.resolve(told);
  });
}

test.each([60_000, -60_000])('tells the time of a database that is %d ms ahead', async (ahead) => {
  const clock = clockOf(() => ahead);
  expect(clock.now()).toBe(NOW);
  await clock.start();
  expect(clock.now()).toBe(NOW + ahead);
  await clock.stop();
});

test('does not take the way of the answer for a difference', async () => {
  const clock = clockOf(() => 0.7, 200);
  await clock.start();
  expect(clock.now()).toBe(Date.now());
  await clock.stop();
});

test('notices that a clock was set anew, and outlives a database that is away', async () => {
  let ahead = 0;
  const clock = clockOf(() => {
    if (Number.isNaN(ahead)) throw new Error('the database is away');
    return ahead;
  });
  await clock.start();
  for (const next of [Number.NaN, 3_000]) {
    ahead = next;
    await jest.advanceTimersByTimeAsync(5_000);
  }
  expect(clock.now()).toBe(Date.now() + 3_000);
  await clock.stop();
  expect(jest.getTimerCount()).toBe(0);
});
