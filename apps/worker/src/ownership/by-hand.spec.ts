import { expect, test } from '@jest/globals';
import { ByHand } from './by-hand.js';

test('the latest wish counts, whatever comes late or twice', () => {
  const byHand = new ByHand();
  expect(byHand.hear({ number: 0, kind: null })).toBe(false);
  expect(byHand.hear({ number: 2, kind: 'drain' })).toBe(true);
  expect(byHand.hear({ number: 2, kind: 'drain' })).toBe(false);
  expect(byHand.hear({ number: 1, kind: 'pause' })).toBe(false);
  expect(byHand.kind).toBe('drain');
  expect(byHand.hear({ number: 3, kind: null })).toBe(true);
  expect(byHand.kind).toBeNull();
});
