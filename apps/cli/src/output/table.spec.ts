import { describe, expect, it } from '@jest/globals';
import { clean, styleFor } from './style.js';
import { tableOf, type Column } from './table.js';
import { age } from './times.js';

interface Row {
  readonly id: string;
  readonly note: string;
  readonly name: string;
}

const columns: Column<Row>[] = [
  { title: 'ID', text: (row) => row.id },
  { title: 'NOTE', text: (row) => row.note, align: 'right', optional: true },
  { title: 'NAME', text: (row) => row.name },
];
const rows = [
  { id: '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d', note: 'x', name: 'crawl' },
  { id: 'short', note: 'yyyyyy', name: 'a\nb' },
];
const plain = styleFor({});

describe('a table', () => {
  it('pads its cells, and keeps each row on its line', async () => {
    expect(await tableOf(columns, rows, plain, undefined)).toEqual([
      'ID                                      NOTE  NAME',
      '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d       x  crawl',
      'short                                 yyyyyy  a b',
    ]);
  });

  it('measures what a terminal shows: two columns for 日 and 🚀, none for an accent on its own', async () => {
    const wide = [
      { id: '日本', note: '🚀', name: '家' },
      { id: 'e\u0301', note: '👨‍👩‍👧', name: 'z' },
    ];
    expect(await tableOf(columns, wide, plain, undefined)).toEqual([
      'ID    NOTE  NAME',
      '日本    🚀  家',
      'e\u0301       👨‍👩‍👧  z',
    ]);
    expect((await tableOf(columns, wide, plain, 15))[1]).toBe('日本  家');
  });

  it('loses what is optional where the screen is narrow, never a part of an id', async () => {
    const lines = await tableOf(columns, rows, plain, 45);
    expect(lines[0]).toBe('ID                                    NAME');
    expect(await tableOf(columns, rows, plain, 10)).toEqual(lines);
  });
});

describe('colours', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
  ])('of a screen %j with %j: %j', (screen, environment, coloured) => {
    expect(styleFor(screen, environment)('red', 'x') === 'x').toBe(!coloured);
  });

  it('come from flux alone: control characters of others are shown', () => {
    expect(clean('a\u001b[31mb\u202ec\r')).toBe('a\\u001b[31mb\\u202ec\\u000d');
  });
});

describe('age', () => {
  it.each([
    [-5, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [7_200_000, '2h'],
    [200_000_000, '2d'],
  ])('of %i ms is %s', (ms, words) => {
    expect(age('2026-11-22T14:00:00Z', Date.parse('2026-11-22T14:00:00Z') + ms)).toBe(words);
  });
});
