import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '@flux/testing';
import { PROOFS } from './promises/proofs.js';

/** Reports that tell of two failures, and so have a row for each. */
const TELL_OF_TWO = ['temporalio/sdk-python#1445'];

interface FailureRow {
  /** The failure in its reporters' words, with their reports. */
  readonly failure: string;
  /** The words in bold, by which the first test is named. */
  readonly name: string;
  readonly tests: readonly { readonly path: string; readonly title: string }[];
}

const failureRows = (page: string): FailureRow[] =>
  [...page.matchAll(/^\| (?!elsewhere|---)(.+?) +\| (.+?) +\|$/gm)].map(([, failure = '', cell = '']) => ({
    failure,
    name: /\*\*(.+)\*\*/.exec(failure)?.[1] ?? '',
    tests: [...cell.matchAll(/\]\(\.\.\/([^)]+)\) “([^”]+)”/g)].map(([, path = '', title = '']) => ({
      path,
      title,
    })),
  }));

/** The titles of the tests and their groups in a source: what `it`, `test`, `describe` and their `each` begin with. */
function titlesOf(source: string): string[] {
  const text = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/.source;
  const call = new RegExp(
    `(?:\\b(?:it|test|describe)|\\))\\(\\s*((?:${text})(?:\\s*\\+\\s*(?:${text}))*)\\s*,`,
    'g',
  );
  return [...source.matchAll(call)].map(([, title = '']) =>
    [...title.matchAll(new RegExp(text, 'g'))]
      .map(([part]) => part.slice(1, -1).replace(/\\(.)/g, '$1'))
      .join(''),
  );
}

const plain = (words: string): string =>
  words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

/** The failure by which a title that says what holds is named: `… (elsewhere: it hangs)`. */
const elsewhere = (title: string): string => /^\w.*\(.*\belsewhere: (.+)\)$/.exec(title)?.[1] ?? '';

/** `owner/repo#1, #2` names two reports. */
function reportsOf(failure: string): string[] {
  let repository = '';
  return [...failure.matchAll(/([\w.-]+\/[\w.-]+)?#(\d+)/g)].map(([, named, number = '']) => {
    repository = named ?? repository;
    return `${repository}#${number}`;
  });
}

/** Rows that prove nothing: no title at all, one that no test has, or none that is named after the failure. */
function unproven(rows: readonly FailureRow[]): string[] {
  const missing = ({ path, title }: FailureRow['tests'][number]): boolean =>
    !existsSync(join(ROOT, path)) ||
    !titlesOf(readFileSync(join(ROOT, path), 'utf8')).some((each) => each.includes(title));
  return rows.flatMap(({ failure, name, tests }) => {
    const [first] = tests;
    const isNamed = plain(name).includes(' ') && plain(elsewhere(first?.title ?? '')).includes(plain(name));
    return [...(isNamed ? [] : [failure]), ...tests.filter(missing).map(({ title }) => title)];
  });
}

/** Reports that have more rows than failures they tell of. */
function listedTwice(rows: readonly FailureRow[]): string[] {
  const reports = rows.flatMap(({ failure }) => reportsOf(failure));
  const again = reports.filter((report, index) => reports.indexOf(report) < index);
  return again.filter((report, index) => !TELL_OF_TWO.includes(report) || again.indexOf(report) < index);
}

describe('the docs', () => {
  it('name for each failure of others a test that is there, and is named after it', () => {
    const rows = failureRows(readFileSync(join(ROOT, 'docs/failures.md'), 'utf8'));
    expect(rows).toHaveLength(63);
    expect(new Set(rows.flatMap(({ failure }) => reportsOf(failure))).size).toBe(73);
    expect(unproven(rows)).toEqual([]);
    expect(listedTwice(rows)).toEqual([]);
  });

  it('are found out when they do not (elsewhere: docs ahead of their code)', () => {
    const own = '[docs.test.ts](../tests/src/docs.test.ts)';
    const rows = failureRows(
      [
        '| elsewhere | test |',
        `| **Docs ahead of their code** (a/b#1) | ${own} “are found out when they do not (elsewhere: docs ahead of their code)” |`,
        `| **Are found out** late (a/b#2) | ${own} “are found out when they do not (elsewhere: docs ahead of their code)” |`,
        `| **No title** of a test (a/b#2) | ${own} “there is one (elsewhere: no title)” |`,
        `| **The docs are dull** (c/d#2) | ${own} “the docs” |`,
        '| **It hangs** (e/f#3) | [gone.ts](../gone.ts) “it ends (elsewhere: it hangs)” |',
        '| **Nobody looks** (e/f#4) | soon |',
        `| Nobody found out (e/f#5) | ${own} “found out” |`,
      ].join('\n'),
    );
    expect(unproven(rows)).toEqual([
      '**Are found out** late (a/b#2)',
      'there is one (elsewhere: no title)',
      '**The docs are dull** (c/d#2)',
      'it ends (elsewhere: it hangs)',
      '**Nobody looks** (e/f#4)',
      'Nobody found out (e/f#5)',
    ]);
    expect(listedTwice(rows)).toEqual(['a/b#2']);
  });

  it('link a test behind each guarantee of cancellation', () => {
    const page = readFileSync(join(ROOT, 'docs/cancellation.md'), 'utf8');
    const items = ['## What happens', '## Ways to cancel', '## When something dies'].flatMap((heading) => {
      const [, section = ''] = page.split(`${heading}\n`);
      const [list = ''] = section.trim().split('\n\n');
      return list.split(/\n(?=- |\d\. )/);
    });
    expect(items).toHaveLength(16);
    expect(items.filter((item) => !/\/[\w-]+\.(?:test|spec)\.ts\)/.test(item))).toEqual([]);
  });

  it('name each promise of cancellation with what puts it to the test', () => {
    const page = readFileSync(join(ROOT, 'docs/cancellation.md'), 'utf8');
    const rows = page.slice(page.indexOf('## The promises')).split('\n');
    for (const { number, promise } of PROOFS) {
      const [row = ''] = rows.filter((line) => line.startsWith(`| **${promise}`));
      expect(row).toMatch(new RegExp(`/promises/${String(number).padStart(2, '0')}-[\\w-]+\\.ts\\)`));
      expect(row).toMatch(/\/[\w-]+\.test\.ts\)/);
    }
  });

  it('tie what each library does with a cancel to a script that tries that version', () => {
    const page = readFileSync(join(ROOT, 'docs/libraries.md'), 'utf8');
    const rows = [
      ...page.matchAll(/^\| .+ \| (\d{4}-\d\d-\d\d), \[[\w-]+\]\(\.\.\/(findings\/[\w-]+\.sh)\) +\|$/gm),
    ];
    expect(rows).toHaveLength(page.split('\n').filter((line) => /^\| (?!what |-)/.test(line)).length);
    expect(rows.length).toBeGreaterThanOrEqual(40);
    const untried = rows.filter(([row, , script = '']) => {
      const versions = row.split('|')[2]?.match(/\d+(?:\.\d+)+/g) ?? [];
      const text = readFileSync(join(ROOT, script), 'utf8');
      return versions.length === 0 || !versions.every((version) => text.includes(version));
    });
    expect(untried.map(([row]) => row)).toEqual([]);
  });
});
