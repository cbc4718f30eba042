import { describe, expect, test } from '@jest/globals';
import { workflow } from './index.js';

describe('the version of a workflow', () => {
  const versionOf = (version?: string | number) =>
    workflow('w', () => 1, version === undefined ? {} : { version }).version;

  test('is a number or a short text, or none', () => {
    expect([versionOf(), versionOf(2), versionOf('2'), versionOf('2026-11-25.a_b')]).toEqual([
      null,
      '2',
      '2',
      '2026-11-25.a_b',
    ]);
  });

  test.each([[''], ['a b'], ['a@b'], ['ä'], ['x'.repeat(65)], [-1], [Number.NaN], [null], [{}]])(
    '%j is refused',
    (version) => {
      expect(() => versionOf(version as string)).toThrow(/workflow 'w': a version is/);
    },
  );
});
