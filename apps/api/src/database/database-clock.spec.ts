import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DatabaseClock } from './database-clock.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => void jest.useFakeTimers({ now: NOW }));
afterEach(() => void jest.useRealTimers());

/** A clock whose database is `ahead()` ms ahead, and answers `takes()` ms later as of half that time. */
function clockOf(ahead: () => number, takes = () => 0): DatabaseClock {
  return new DatabaseClock(() => {
    const takesMs = takes();
    const told = Date.now() + takesMs / 2 + ahead();
    jest.setSystemTime(Date.now() + takesMs);
    return Promise.resolve(told);
  });
}

test.each([60_000, -60_000])('the clock tells the time of a database that is %d ms ahead', async (ahead) => {
  const clock = clockOf(() => ahead);
  expect(clock.now()).toBe(NOW);
  await clock.start();
  expect(clock.now()).toBe(NOW + ahead);
  await clock.stop();
});

test('the clock does not take the way of the answer for a difference', async () => {
  const clock = clockOf(
    () => 0.7,
    () => 200,
  );
  await clock.start();
  expect(clock.now()).toBe(Date.now());
  await clock.stop();
});

test.each([60_000, -60_000])(
  'a first answer that was long on its way puts no clock %d ms ahead wrong',
  async (ahead) => {
    const ways = [800, 400, 2];
    const clock = clockOf(
      () => ahead,
      () => ways.shift() ?? 300,
    );
    await clock.start();
    expect(Math.abs(clock.now() - Date.now() - ahead)).toBeLessThanOrEqual(1);
    await clock.stop();
  },
);

test("the clock notices that the database's was set anew, and outlives a database that is away", async () => {
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
