import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from './durations.js';
import { FluxError } from './errors.js';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['0s', 0],
    ['PT10S', 10_000],
    ['PT1M30S', 90_000],
    ['P1DT2H', 93_600_000],
    ['PT0.5S', 500],
  ])('reads %s as %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    '',
    '10',
    's',
    '-1s',
    '1 s',
    '10S',
    'P',
    'PT',
    'P1DT',
    'P1Y',
    'ten seconds',
    '1e3s',
    '999999999d',
  ])('refuses %j with a hint', (text) => {
    expect(() => parseDuration(text)).toThrow(FluxError);
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_DURATION', hint: expect.stringContaining("'10s'") }),
    );
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [4200, '4.2 s'],
    [59_999, '59.9 s'],
    [185_000, '3 m 5 s'],
    [7_800_000, '2 h 10 m'],
    [90_000_000, '1 d 1 h'],
  ])('writes %d ms as %s', (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });
});
