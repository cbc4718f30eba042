import { describe, expect, it } from '@jest/globals';
import { eventBody, LONGEST_EVENT_KEY } from '@flux/contracts';
import fc from 'fast-check';
import { cancelKeysOf, keyFaults, storedKey } from './start.js';

const on = (...paths: string[]) => ({ cancelOn: paths.map((key) => ({ event: 'gone', key })) });
const keys = (input: unknown, ...paths: string[]) => cancelKeysOf(on(...paths), input).map(({ key }) => key);
const faults = (input: unknown, ...paths: string[]) => keyFaults(on(...paths), input).map(({ path }) => path);

describe('the keys of an input', () => {
  it('are texts, numbers and booleans at their paths, in lists too, each once', () => {
    const input = { id: 7, order: { id: 'a-1', lines: [{ sku: 'x' }] }, rush: false, again: 'a-1' };
    const paths = ['id', 'order.id', 'order.lines.0.sku', 'rush', 'again'];
    expect(keys(input, ...paths)).toEqual(['7', 'a-1', 'x', 'false']);
    expect(faults(input, ...paths)).toEqual([]);
  });

  it('are kept apart by their events', () => {
    const cancelOn = ['left', 'gone'].map((event) => ({ event, key: 'id' }));
    expect(cancelKeysOf({ cancelOn }, { id: 1 })).toEqual([
      { event: 'left', key: '1' },
      { event: 'gone', key: '1' },
    ]);
    expect(cancelKeysOf({}, { id: 1 })).toEqual([]);
  });

  it.each([[{}], [null], ['id'], [{ id: null }], [{ id: '' }], [[1]], [Object.create({ id: 1 })]])(
    'are none in %j, which is no fault',
    (input: unknown) => {
      const paths = ['id', 'id.x', 'length', 'constructor.name', '__proto__.id'];
      expect([keys(input, ...paths), faults(input, ...paths)]).toEqual([[], []]);
    },
  );

  it.each([[{ id: { id: 1 } }], [{ id: [] }], [{ id: 'a\0' }], [{ id: '\ud800' }]])(
    'cannot be had of %j, which is told with its place and its event',
    (input) => {
      expect(keys(input, 'id')).toEqual([]);
      expect(keyFaults(on('id'), input)).toEqual([
        { path: 'id', message: expect.stringContaining("the event 'gone'") },
      ]);
    },
  );

  it('are no longer than an event can name them', () => {
    const longest = 'k'.repeat(LONGEST_EVENT_KEY);
    expect([keys({ id: longest }, 'id').length, faults({ id: longest }, 'id')]).toEqual([1, []]);
    expect([keys({ id: `${longest}k` }, 'id'), faults({ id: `${longest}k` }, 'id')]).toEqual([[], ['id']]);
    expect(eventBody.safeParse({ name: 'gone', key: longest }).success).toBe(true);
    expect(eventBody.safeParse({ name: 'gone', key: `${longest}k` }).success).toBe(false);
  });

  it('are found at any path of any JSON, or not, without an error', () => {
    const path = fc.array(fc.constantFrom('a', 'b', '0', 'length', '__proto__'), { minLength: 1 });
    fc.assert(
      fc.property(fc.jsonValue(), path, (input, parts) => {
        const [found, wrong] = [keys(input, parts.join('.')), faults(input, parts.join('.'))];
        expect(found.length + wrong.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a key that is longer than an index entry should be', () => {
  it('is stored as a hash, the same for the same key', () => {
    expect(storedKey('k'.repeat(200))).toBe('k'.repeat(200));
    expect(storedKey('k'.repeat(5_000))).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(storedKey('k'.repeat(5_000))).toBe(storedKey('k'.repeat(5_000)));
    expect(storedKey('k'.repeat(5_000))).not.toBe(storedKey('k'.repeat(5_001)));
  });
});
