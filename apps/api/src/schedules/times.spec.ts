import { describe, expect, it } from '@jest/globals';
import { firstTime, nextTimes, timesOf, timingFault } from './times.js';
import type { ScheduleRow, ScheduleSpec } from './schedule-row.js';

const NONE = { cron: null, every: null, at: null, timeZone: null, catchUp: '1m' };
const NOW = Date.parse('2026-11-25T12:00:00Z');

/** The next `count` times of a cron expression after `from`, as UTC texts to the minute, in one. */
function cron(expression: string, timeZone: string, from: string, count: number): string {
  const next = timesOf({ ...NONE, cron: expression, timeZone }, 0);
  const times: string[] = [];
  for (let time = next(Date.parse(from)); time !== undefined && times.length < count; time = next(time)) {
    times.push(new Date(time).toISOString().slice(5, 16));
  }
  return times.join(', ');
}

describe('cron', () => {
  it('follows the wall clock of its time zone', () => {
    expect(cron('0 2 * * *', 'Europe/Berlin', '2026-11-25T12:00Z', 2)).toBe('11-26T01:00, 11-27T01:00');
    expect(cron('0 2 * * *', 'Europe/Berlin', '2026-07-25T12:00Z', 1)).toBe('07-26T00:00');
    expect(cron('0 9 * * 1-5', 'America/New_York', '2026-11-27T20:00Z', 2)).toBe('11-30T14:00, 12-01T14:00');
  });

  it('a time of day that a gap skips comes at its end, once', () => {
    expect(cron('30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00Z', 3)).toBe(
      '03-28T01:30, 03-29T01:00, 03-30T00:30',
    );
    expect(cron('0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00Z', 2)).toBe('11-04T03:00, 11-05T02:00');
  });

  it('a time of day that comes twice fires once, the first time', () => {
    const berlin = '10-24T00:30, 10-25T00:30, 10-26T01:30';
    expect(cron('30 2 * * *', 'Europe/Berlin', '2026-10-23T12:00Z', 3)).toBe(berlin);
    expect(cron('15,45 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 3)).toBe(
      '10-25T00:15, 10-25T00:45, 10-26T01:15',
    );
    // The second of the two hours leaves no time of that day.
    expect(cron('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:45Z', 1)).toBe('10-26T01:30');
  });

  it('what comes every hour or minute comes in both repeated hours, and not in a gap', () => {
    expect(cron('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', 4)).toBe(
      '10-25T00:00, 10-25T01:00, 10-25T02:00, 10-25T03:00',
    );
    expect(cron('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:10Z', 3)).toBe(
      '03-29T00:30, 03-29T01:00, 03-29T01:30',
    );
  });

  it('a zone that shifts by half an hour is no exception', () => {
    expect(cron('45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T20:00Z', 3)).toBe(
      '04-04T14:45, 04-05T15:15, 04-06T15:15',
    );
  });
});

describe('a timing that cannot be', () => {
  it.each([
    ['cron', { cron: '61 * * * *' }],
    ['cron', { cron: '* * * *' }],
    ['cron', { cron: '* * * * * *' }],
    ['cron', { cron: '@daily' }],
    ['cron', { cron: 'at noon, on every day' }],
    ['cron', { cron: '0 0 30 2 *' }],
    ['timeZone', { cron: '0 2 * * *', timeZone: 'Europe/Atlantis' }],
    ['timeZone', { cron: '0 2 * * *', timeZone: '+02:00' }],
    ['timeZone', { cron: '0 2 * * *', timeZone: '' }],
    ['at', { at: '2026-11-25T11:58:59.000Z' }],
  ])('is told by its field: %s of %j', (path, timing) => {
    expect(timingFault({ ...NONE, ...timing }, NOW)).toEqual({ path, message: expect.any(String) });
  });

  it.each([
    { cron: '0 2 * * *', timeZone: 'UTC' },
    { cron: ' 0  12 1 jan,JUL mon-fri ', timeZone: 'Asia/Kolkata' },
    { cron: '0 0 29 2 *', timeZone: 'UTC' },
    { every: '15m' },
    { at: '2026-11-25T11:59:30.000Z' },
    { at: '2027-01-01T00:00:00.000Z' },
  ])('is not %j', (timing) => {
    expect(timingFault({ ...NONE, ...timing }, NOW)).toBeUndefined();
  });
});

it('only a single time may begin a moment ago', () => {
  expect(firstTime({ ...NONE, at: '2026-11-25T11:59:00.000Z' }, NOW)).toBe(NOW - 60_000);
  expect(firstTime({ ...NONE, at: '2026-11-25T11:58:59.999Z' }, NOW)).toBeUndefined();
  expect(firstTime({ ...NONE, every: '15m' }, NOW)).toBe(NOW + 900_000);
  expect(firstTime({ ...NONE, cron: '0 * * * *', timeZone: 'UTC' }, NOW)).toBe(NOW + 3_600_000);
});

it('shows the coming times, at most five', () => {
  const row = (spec: Partial<ScheduleSpec>, nextFireAt: number | null): ScheduleRow =>
    ({ spec: { ...NONE, ...spec }, anchorAt: NOW, nextFireAt }) as ScheduleRow;
  expect(nextTimes(row({ every: '1h' }, NOW + 7_200_000)).map((time) => (time - NOW) / 3_600_000)).toEqual([
    2, 3, 4, 5, 6,
  ]);
  expect(nextTimes(row({ at: new Date(NOW).toISOString() }, NOW))).toEqual([NOW]);
  expect(nextTimes(row({ every: '1h' }, null))).toEqual([]);
});
