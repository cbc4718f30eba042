import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { PROOFS } from './promises/proofs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'].concat(
  readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
);

/** Links of a page to what is not there. */
function brokenLinks(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link.replace(/#.*/, ''))
    .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
    .filter((link) => !existsSync(join(ROOT, dirname(page), link)));
}

const FAILURE_ROW = /^\| (?!elsewhere|---)(.+?) +\| (.+?) +\|$/gm;

/** Rows of the table of failures that name no test, or one that is not there. */
function unproven(text: string): string[] {
  return [...text.matchAll(FAILURE_ROW)].flatMap(([, failure = '', tests = '']) => {
    const named = [...tests.matchAll(/\]\(\.\.\/([^)]+)\) “([^”]+)”/g)];
    const missing = named.filter(([, path = '', title = '']) => {
      return !existsSync(join(ROOT, path)) || !readFileSync(join(ROOT, path), 'utf8').includes(title);
    });
    return named.length === 0 ? [failure] : missing.map(([, path = '', title = '']) => `${path}: ${title}`);
  });
}

describe('the docs', () => {
  it.each(DOCS)('%s links only to what is there', (page) => {
    expect(brokenLinks(page, readFileSync(join(ROOT, page), 'utf8'))).toEqual([]);
  });

  it('are found out when they do not', () => {
    const text =
      'See [here](cancellation.md#top), [there](https://example.com) and [gone](../tests/gone.ts).';
    expect(brokenLinks('docs/any.md', text)).toEqual(['../tests/gone.ts']);
  });

  it('name a test that is there for each failure of others', () => {
    const page = readFileSync(join(ROOT, 'docs/failures.md'), 'utf8');
    expect([...page.matchAll(FAILURE_ROW)].length).toBeGreaterThan(30);
    expect(unproven(page)).toEqual([]);
    const wrong = ['| It is late | [x](../LICENSE) “no such title” |', '| It hangs | soon |'].join('\n');
    expect(unproven(wrong)).toEqual(['LICENSE: no such title', 'It hangs']);
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
});
