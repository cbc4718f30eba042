import { describe, expect, test } from '@jest/globals';
import { workflow, type CancelOn } from './index.js';

const declared = (cancelOn?: unknown): readonly CancelOn[] =>
  workflow('w', () => 1, cancelOn === undefined ? {} : { cancelOn: cancelOn as CancelOn[] }).cancelOn;

describe('cancelOn', () => {
  test('is a copy of what was declared, each once; none by default', () => {
    const entries = [
      { event: 'order_cancelled', key: 'order.id' },
      { event: 'order_cancelled', key: 'lines.0.order' },
      { event: 'customer-left.v2', key: 'müller' },
    ];
    const found = declared([...entries, { ...entries[0] }]);
    expect(found).toEqual(entries);
    entries[0]!.key = 'changed later';
    expect(found[0]).toEqual({ event: 'order_cancelled', key: 'order.id' });
    expect(declared()).toEqual([]);
  });

  test.each([
    [{ event: 'a', key: 'b' }, "workflow 'w': cancelOn is a list"],
    [Array.from({ length: 17 }, (_, n) => ({ event: `e${n}`, key: 'b' })), 'at most 16'],
    [['order_cancelled'], 'is { event, key }, not "order_cancelled"'],
    [[{ event: 'a b', key: 'b' }], 'an event of cancelOn is named by'],
    [[{ key: 'b' }], 'an event of cancelOn is named by'],
    [[{ event: 'a', key: () => 'b' }], "the key of event 'a' is a path"],
    [[{ event: 'a', key: '' }], "the key of event 'a' is a path"],
    [[{ event: 'a', key: '.b' }], "the key of event 'a' is a path"],
    [[{ event: 'a', key: 'b..c' }], "the key of event 'a' is a path"],
    [[{ event: 'a', key: 'b'.repeat(256) }], "the key of event 'a' is a path"],
    [[{ event: 'a', key: 'b', path: 'c' }], "'path'"],
  ])('%j is refused when the workflow is defined', (cancelOn, words) => {
    expect(() => declared(cancelOn)).toThrow(words);
    expect(() => declared(cancelOn)).toThrow(TypeError);
  });
});
