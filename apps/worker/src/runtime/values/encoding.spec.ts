import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from '@jest/globals';
import type { HistoryEntry } from '@flux/contracts';
import { task, TaskError, workflow } from '@flux/sdk';
import fc from 'fast-check';
import { errorOf, Trial } from '../../testing/trial.js';
import { decode, encode } from './encoding.js';

const MIB = 1024 ** 2;
const of = (value: unknown, limit = MIB) => encode(value, 'the value', limit);
const stored = (value: unknown): unknown => decode(JSON.parse(JSON.stringify(of(value))));

/** superjson does not go into objects with these keys, nor are they of use beside a `Date`. */
const key = fc.string().filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));
const anything = fc.anything({
  key,
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
});

class Price {
  constructor(readonly cents: number) {}
}

describe('a value that is recorded', () => {
  it('comes back the same, whatever it is and however nested', () => {
    fc.assert(
      // Node does not even hold an invalid Date equal to itself.
      fc.property(anything, (value) => fc.stringify(stored(value)) === fc.stringify(value)),
      { numRuns: 300, examples: [[[new Date(NaN)]]] },
    );
  });

  it('is stored as it always was, and without types, when it is plain JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        const keys = Object.keys(of(plain));
        return isDeepStrictEqual(of(plain).json, plain) && keys.length === 1;
      }),
    );
  });

  test.each([
    ['a regular expression', /a\/b+/giu],
    ['a URL', new URL('https://example.com/a?b=c#d')],
    ['a part of a Buffer', Buffer.from('hello').subarray(1, 3)],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
    ['an array of bigints', new BigInt64Array([-1n, 2n ** 62n])],
    ['numbers that JSON has not', new Float64Array([NaN, -0, Infinity])],
    [
      'a Map in a Map, with any keys',
      new Map<unknown, unknown>([[{ a: 1n }, new Map([[new Date(0), NaN]])]]),
    ],
    ['keys with dots', { 'a.b': { '\\.': undefined } }],
    ['an error with its cause', new TypeError('no', { cause: { at: new Date(1) } })],
  ])('may be %s', (_what, value) => {
    const back = stored(value);
    if (value instanceof Error) {
      expect(back).toBeInstanceOf(Error);
      expect(back).toMatchObject({ name: 'TypeError', message: 'no', cause: { at: new Date(1) } });
    } else expect(isDeepStrictEqual(back, value)).toBe(true);
  });

  it('is shown as people would write it', () => {
    const value = {
      at: new Date(0),
      big: 2n ** 64n,
      tags: new Set(['a']),
      by: new Map([['x', 1]]),
      raw: Buffer.from('hi'),
    };
    expect(of(value).json).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      big: '18446744073709551616',
      tags: ['a'],
      by: [['x', 1]],
      raw: 'aGk=',
    });
  });

  it('is not tied to what it was made from', () => {
    const value = { dates: [new Date(0)], list: [1] };
    const { json, types } = of(value);
    const back = decode({ json, types }) as typeof value;
    value.list.push(2);
    back.dates.push(new Date(1));
    expect(decode({ json, types })).toEqual({ dates: [new Date(0)], list: [1] });
  });

  it('records twice what occurs twice', () => {
    const twice = { at: new Date(0) };
    expect(stored({ a: twice, b: [twice, 5n, 5n] })).toEqual({ a: twice, b: [twice, 5n, 5n] });
  });

  it('is refused where what its toJSON gives is nested too deep, however deep that is', () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level += 1) value = { value };
      return { toJSON: () => value };
    };
    expect(encode(nested(200), 'the output', 10_000).json).toMatchObject({ value: { value: {} } });
    for (const levels of [201, 20_000]) {
      expect(() => encode(nested(levels), 'the output', 1_000_000)).toThrow(
        /nested more than 200 levels deep/,
      );
    }
  });

  it('says by itself what it is, if it has a toJSON', () => {
    const money = { toJSON: () => '5 EUR' };
    expect(stored([money, new Date(0)])).toEqual(['5 EUR', new Date(0)]);
    expect(stored({ price: Object.assign(new Price(5), money) })).toEqual({ price: '5 EUR' });
  });

  it('may come from another realm when it is plain', () => {
    expect(stored(runInNewContext('({ a: [1, { b: null }] })'))).toEqual({ a: [1, { b: null }] });
    expect(stored({ a: runInNewContext('({})') as unknown, b: 1n })).toEqual({ a: {}, b: 1n });
  });

  it('is read once, so that it cannot show two things', () => {
    let reads = 0;
    const shifting = {
      get a() {
        return (reads += 1) === 1 ? 'shallow' : nest(5000);
      },
    };
    expect(of(shifting)).toEqual({ json: { a: 'shallow' } });
  });

  it('keeps of an error its cause, the errors it stands for and its plain fields', () => {
    const cause = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH', socket: new Price(1) });
    const value = { why: new AggregateError([new RangeError('a'), cause], 'all failed', { cause }) };
    const { why } = stored(value) as { why: AggregateError & { cause: unknown } };
    expect(why).toBeInstanceOf(AggregateError);
    expect(why.cause).toMatchObject({ message: 'no route', code: 'EHOSTUNREACH' });
    expect(why.cause).not.toHaveProperty('socket');
    expect(why.errors).toMatchObject([{ name: 'RangeError', message: 'a' }, { code: 'EHOSTUNREACH' }]);
  });

  it.each(['half \ud83d', '\ude00 half', 'a\0b'])(
    'keeps text that is no valid Unicode, or has NUL: %j',
    (text) => {
      expect(stored({ [text]: [text, new Date(0)] })).toEqual({ [text]: [text, new Date(0)] });
    },
  );
});

/** A value inside so many others. */
function nest(levels: number, around: (inner: unknown) => unknown = (inner) => [inner]): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level += 1) value = around(value);
  return value;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const circular: Record<string, unknown> = { at: new Date(0) };
circular.self = { again: [circular] };

describe('what cannot be recorded', () => {
  test.each([
    ['a function', () => 1, /^the value cannot be recorded: it is or has a function$/],
    ['a function inside', { a: [{ 'b c': () => 1 }] }, /a function at \.a\[0\]\["b c"\]$/],
    ['a symbol', [Symbol('x')], /a symbol at \[0\]$/],
    ['an instance of a class', { price: new Price(5) }, /an instance of Price at \.price$/],
    ['one in a Map', new Map([['a', new Price(5)]]), /an instance of Price at \[0\]\[1\]$/],
    ['a class of one’s own that is a Map', new (class Index extends Map {})(), /an instance of Index$/],
    ['a promise', { later: Promise.resolve() }, /an instance of Promise at \.later$/],
    ['what contains itself', circular, /an object that contains itself, at \.self\.again\[0\]$/],
    [
      'more than JSON at a key that superjson does not go into',
      { constructor: [1n] },
      /more than JSON at \.constructor$/,
    ],
    ['a hole in a list', { a: [1, , 2] }, /a hole at \.a\[1\]$/], // eslint-disable-line no-sparse-arrays -- it is about them
    [
      'a property of a list',
      { found: /b/.exec('abc') },
      /a list with a property 'groups' of its own at \.found$/,
    ],
    [
      'a property of a Map',
      [Object.assign(new Map(), { tag: 1 })],
      /a Map with a property 'tag' of its own at \[0\]$/,
    ],
    [
      'a list of a class of its own',
      [new (class Stack extends Array {})()],
      /an instance of Stack at \[0\]$/,
    ],
    [
      'what a getter throws',
      {
        get a() {
          throw new Error('not now');
        },
      },
      /^the value cannot be recorded: not now$/,
    ],
    ['a proxy that was revoked', [revoked()], /^the value cannot be recorded: /],
  ])('is refused with its place: %s', (_what, value, message) => {
    expect(() => of(value)).toThrow(TypeError);
    expect(() => of(value)).toThrow(message);
  });

  it.each([
    ['lists', (levels: number) => nest(levels), '[0][0]'],
    ['objects', (levels: number) => nest(levels, (inner) => ({ a: inner })), '.a.a'],
    ['Maps', (levels: number) => nest(levels / 2, (inner) => new Map([[1, inner]])), '[0][1][0]'],
    ['causes', (levels: number) => nest(levels, (cause) => new Error('x', { cause })), '.cause.cause'],
  ])('is what has more than 200 levels of %s, with its place', (_what, make, place) => {
    expect(stored(make(200))).toEqual(make(200));
    for (const levels of [202, 2000, 9000]) {
      expect(() => of(make(levels))).toThrow(
        expect.objectContaining({
          code: 'VALUE_TOO_DEEP',
          message: expect.stringContaining(`the value is nested more than 200 levels deep at ${place}`),
        }),
      );
    }
  });

  it('is what occurs so often that it has no end', () => {
    let bomb: unknown = 'x';
    for (let doubled = 0; doubled < 60; doubled += 1) bomb = { a: bomb, b: bomb };
    expect(() => of(bomb)).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_TOO_LARGE',
        message: expect.stringMatching(/more than 4\d{6} bytes/),
      }),
    );
  });

  it('is what is too large, its types included', () => {
    const dates = Array.from({ length: 10 }, () => new Date(0));
    expect(() => of(dates, 200)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
    expect(() => of(new Uint8Array(900), 1000)).toThrow(
      /the value is 12\d\d bytes of JSON, more than the 1000/,
    );
    expect(of(new Uint8Array(600), 1000).json).toHaveLength(800);
  });
});

describe('a body', () => {
  const made = {
    at: new Date(5),
    big: 1n,
    gone: undefined,
    nested: [undefined],
    index: new Map([[1, new Set([-0])]]),
  };
  const shown = { at: '1970-01-01T00:00:00.005Z', gone: null, nested: [null] };
  const make = task('make', () => made);
  const nothing = task('nothing', () => undefined);

  it('gets the same from a task that runs and from its record', async () => {
    const seen: unknown[] = [];
    const undone: unknown[] = [];
    const undoable = task('undoable', () => made, {
      rollback: (_ctx, _input, output) => void undone.push(output),
    });
    const flow = workflow('w', async (ctx) => {
      seen.push([await ctx.run(make), await ctx.run(nothing), await ctx.run(undoable)]);
      throw new Error('undo it');
    });
    const first = new Trial(flow);
    await first.finished;
    const completed = first.events.filter(({ type }) => type === 'task_completed');
    expect(completed[0]).toMatchObject({ output: shown });
    const history = JSON.parse(JSON.stringify(completed)) as HistoryEntry[];
    await new Trial(flow, { history }).finished;
    expect(seen).toHaveLength(2);
    for (const one of seen) expect(isDeepStrictEqual(one, [made, undefined, made])).toBe(true);
    for (const one of undone) expect(isDeepStrictEqual(one, made)).toBe(true);
    expect(undone).toHaveLength(2);
  });

  it('returns any such value', async () => {
    const event = await new Trial(() => made).finished;
    expect(isDeepStrictEqual(decode({ json: event.output, types: event.outputTypes }), made)).toBe(true);
    expect(event.output).toMatchObject(shown);
  });

  test.each([
    ['an instance of a class', new Price(5), /an instance of Price$/],
    ['a function', () => 1, /a function$/],
    ['what contains itself', circular, /an object that contains itself, at \.self\.again\[0\]$/],
  ])('is told at the call that made it what cannot be recorded: %s', async (_what, value, found) => {
    const odd = task('odd', () => value);
    let caught: unknown;
    const trial = new Trial(async (ctx) => {
      caught = await errorOf(ctx.run(odd));
      return ctx.run(odd);
    });
    const { error, outcome } = await trial.finished;
    expect(trial.callIds).toEqual(['odd#0', 'odd#1']);
    expect(caught).toBeInstanceOf(TaskError);
    expect(caught).toMatchObject({ message: error?.message });
    expect(outcome).toBe('failed');
    expect(error).toMatchObject({ name: 'TypeError', code: 'TASK_FAILED' });
    expect(error?.message).toMatch(/^the output of task 'odd' cannot be recorded: it is or has /);
    expect(error?.message).toMatch(found);
  });
});
