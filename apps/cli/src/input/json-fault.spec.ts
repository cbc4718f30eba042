import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonFault } from './json-fault.js';

describe('jsonFault', () => {
  it.each([
    ['', 0],
    ['hello', 0],
    ["{'a': 1}", 1],
    ['{"a": }', 6],
    ['{"a" 1}', 5],
    ['{"a": 1,}', 8],
    ['[1 2]', 3],
    ['[1, 2', 5],
    ['{} {}', 3],
    ['01', 1],
    ['"open', 0],
    ['[tru]', 1],
  ])('finds the one of %j at %i', (text, offset) => expect(jsonFault(text)).toBe(offset));

  it('finds none in what is JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 1, 2), (text, indent) =>
        expect(jsonFault(JSON.stringify(JSON.parse(text), null, indent))).toBeUndefined(),
      ),
    );
  });

  it('finds one exactly where JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), fc.string({ maxLength: 2 }), (text, at, wedge) => {
        const place = at % (text.length + 1);
        const changed = text.slice(0, place) + wedge + text.slice(place + 1);
        let isJson = true;
        try {
          JSON.parse(changed);
        } catch {
          isJson = false;
        }
        expect(jsonFault(changed) === undefined).toBe(isJson);
      }),
    );
  });
});
