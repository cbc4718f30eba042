import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonFaults } from './json.js';

const faults = (text: string): string[] =>
  jsonFaults(text, JSON.parse(text)).map(({ code, path }) => `${code} ${path}`);

type Tree =
  number | string | null | readonly Tree[] | { readonly fields: readonly (readonly [string, Tree])[] };

/** JSON as a tree whose objects may have a key twice. Keys and texts look like what stands around them. */
const key = fc.constantFrom('a', 'b', '"', '\\', '":', '\\":1,"', '{', 'é', '1e400');
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer(),
    key,
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.record({ fields: fc.array(fc.tuple(key, tie('tree')), { maxLength: 4 }) }),
  ),
}));

function textOf(value: Tree): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (!('fields' in value)) return `[${value.map(textOf).join(' ,')}]`;
  return `{${value.fields.map(([name, each]) => `${JSON.stringify(name)} : ${textOf(each)}`).join(',')}}`;
}

function hasKeyTwice(value: Tree): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (!('fields' in value)) return value.some(hasKeyTwice);
  const names = value.fields.map(([name]) => name);
  return new Set(names).size < names.length || value.fields.some(([, each]) => hasKeyTwice(each));
}

describe('a JSON text', () => {
  it('has a fault where an object has a key twice, and nowhere else', () => {
    fc.assert(
      fc.property(tree, (value) =>
        expect(faults(textOf(value)).some((each) => each.startsWith('DUPLICATE_KEY'))).toBe(
          hasKeyTwice(value),
        ),
      ),
    );
  });

  it('has a fault where a whole number comes back as another one, and nowhere else', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.boolean(), (number, isFraction) => {
        const text = isFraction ? `${number}.000` : String(number);
        const isKept = BigInt(String(Number(text))) === number;
        expect(faults(`{"a":[${text}]}`)).toEqual(isKept ? [] : ['INVALID_JSON_NUMBER a.0']);
      }),
    );
  });

  it('has none where each number is one of JavaScript', () => {
    fc.assert(fc.property(fc.double(), (number) => expect(faults(JSON.stringify([number]))).toEqual([])));
  });

  it('names each place once, and no more than 20', () => {
    const many = `[${Array.from({ length: 30 }, () => '1e400').join()}]`;
    expect(faults(many)).toHaveLength(20);
    expect(faults('{"a":{"b":1,"b":[1e-400]},"c":12345678901234567890}')).toEqual([
      'DUPLICATE_KEY a.b',
      'INVALID_JSON_NUMBER a.b.0',
      'INVALID_JSON_NUMBER c',
    ]);
  });
});
