import { MOST_LEVELS } from '@flux/contracts/plain';
import { FluxError } from '@flux/domain';
import { errorsOf, fieldsOf, wordsOf } from './error-fields.js';
import { MOST_BYTES_A_CHARACTER, tooLarge } from './json.js';

/** Typed arrays as `encoding.ts` can give them back, by the name that the record has for them. */
export const TYPED_ARRAYS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

/** A type as superjson names it, or the name of one that `encoding.ts` has registered with superjson. */
type TypeName = string | readonly ['custom', string];
interface Inner {
  [path: string]: Types;
}
/** superjson's annotations of a value, by paths into its JSON. */
export type Types = readonly [TypeName] | readonly [TypeName, Inner] | Inner;

interface Leaf {
  readonly type: TypeName;
  /** The value in JSON; no others than those of this kind come. */
  readonly write: (value: never) => string | null;
}

const isInvalid = (date: Date): boolean => Number.isNaN(date.getTime());
/** Binary data as base64: a third more than its bytes, where numbers in JSON would be several times as much. */
const base64 = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** The values, besides errors of any class, Maps and Sets, that have more to them than JSON. */
const LEAVES = new Map<object | null, Leaf>([
  [RegExp.prototype, { type: 'regexp', write: String }],
  [URL.prototype, { type: 'URL', write: String }],
  [
    ArrayBuffer.prototype,
    {
      type: ['custom', 'ArrayBuffer'],
      write: (value: ArrayBuffer) => Buffer.from(value).toString('base64'),
    },
  ],
  [Buffer.prototype, { type: ['custom', 'Buffer'], write: base64 }],
  ...Object.entries(TYPED_ARRAYS).map(([name, { prototype }]): [object, Leaf] => [
    prototype,
    { type: ['custom', name], write: base64 },
  ]),
]);
const DATE: Leaf = { type: 'Date', write: (value: Date) => value.toISOString() };
const NO_DATE: Leaf = { type: ['custom', 'invalid-date'], write: () => null };

/** superjson restores nothing that is inside objects at these keys. */
const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const SIMPLE_KEY = /^[A-Za-z_$][\w$]*$/;
const LONGEST_PATH = 200;
/** The most bytes of a number in JSON, with what is around it. */
const MOST_BYTES_A_VALUE = 27;
/** How many times the limit is walked through of a value that is too large, to tell its size. */
const TELLABLE = 4;

/** A TypeError that tells what cannot be recorded, and where it is. */
export class NotRecordable extends TypeError {}

/**
 * Walks through a value once and makes its record, which nothing that is done to the value later changes. What would be
 * lost is refused. Each property is read once, so that no getter and no proxy can show two things.
 */
export class Recorder {
  readonly #keys: Array<string | number> = [];
  readonly #above: object[] = [];
  readonly #what: string;
  readonly #limitBytes: number;
  /** The types of the value that was walked through last. */
  #types: Types | undefined;
  #characters = 0;
  #values = 0;

  /** @param what names the value in errors */
  constructor(what: string, limitBytes: number) {
    this.#what = what;
    this.#limitBytes = limitBytes;
  }

  /**
   * The value in JSON, and the types that JSON leaves out.
   * @throws FluxError `VALUE_TOO_DEEP` or `PAYLOAD_TOO_LARGE` · TypeError that tells what cannot be recorded, and where
   */
  record(value: unknown): { readonly json: unknown; readonly types: Types | undefined } {
    return { json: this.#walk(value), types: this.#types };
  }

  /** More bytes than the JSON has. */
  get bytesAtMost(): number {
    return this.#characters * MOST_BYTES_A_CHARACTER + this.#values * MOST_BYTES_A_VALUE;
  }

  #walk(value: unknown): unknown {
    this.#types = undefined;
    switch (typeof value) {
      case 'string':
        this.#count(value.length);
        return value;
      case 'number':
        this.#count(0);
        if (Number.isFinite(value) && !Object.is(value, -0)) return value;
        return this.#typed('number', Object.is(value, -0) ? '-0' : String(value));
      case 'undefined':
        return this.#typed('undefined', null);
      case 'bigint':
        return this.#text('bigint', value.toString());
      case 'function':
      case 'symbol':
        throw this.#refuse(`a ${typeof value}`);
      case 'object':
        if (value !== null) return this.#object(value);
        break;
      default:
    }
    this.#count(0);
    return value;
  }

  #object(value: object): unknown {
    if (Array.isArray(value)) return this.#array(value);
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype || prototype === null) return this.#plain(value);
    if (prototype === Map.prototype || prototype === Set.prototype) {
      this.#assertBare(value);
      this.#enter(value);
      const json = this.#list([...(value as Iterable<unknown>)]);
      return this.#leave(json, prototype === Map.prototype ? 'map' : 'set');
    }
    const leaf =
      prototype === Date.prototype ? (isInvalid(value as Date) ? NO_DATE : DATE) : LEAVES.get(prototype);
    if (leaf) {
      if (!ArrayBuffer.isView(value)) this.#assertBare(value);
      const text = leaf.write(value as never);
      return text === null ? this.#typed(leaf.type, null) : this.#text(leaf.type, text);
    }
    if (value instanceof Error) return this.#error(value);
    if (saysItself(value)) return this.#said(value);
    if (!isPlainElsewhere(prototype)) throw this.#refuse(`an instance of ${className(value)}`);
    return this.#plain(value);
  }

  #plain(value: object): unknown {
    if (saysItself(value)) return this.#said(value);
    this.#enter(value);
    return this.#leave(this.#fields(value));
  }

  #array(value: readonly unknown[]): unknown {
    if (saysItself(value)) return this.#said(value);
    // In every realm, `Array.prototype` is an array itself.
    if (!Array.isArray(Object.getPrototypeOf(value)))
      throw this.#refuse(`an instance of ${className(value)}`);
    this.#enter(value);
    const list = this.#list(value);
    const own = Object.keys(value);
    if (own.length !== list.length) throw this.#refuse(`a list with a property '${own.at(-1)}' of its own`);
    return this.#leave(list);
  }

  /** The JSON of a value that says by itself how it is to be recorded; `undefined` where that is nothing. */
  #said(value: object): unknown {
    const above: unknown[] = [];
    const enter = (holder: unknown, each: unknown): void => {
      this.#count(typeof each === 'string' ? each.length : 0);
      while (above.length > 0 && above.at(-1) !== holder) above.pop();
      // What is in the deepest object is one more.
      if (above.push(each) > MOST_LEVELS + 1) throw this.#tooDeep();
    };
    const text = JSON.stringify(value, function (this: unknown, _key, each: unknown) {
      enter(this, each);
      return each;
    }) as string | undefined;
    return this.#walk(text === undefined ? undefined : JSON.parse(text));
  }

  /** Names, messages, causes, the errors of an AggregateError, and fields as errors of executions keep them. */
  #error(value: Error): unknown {
    const fields = fieldsOf(value);
    const errors = errorsOf(value);
    const parts = {
      name: wordsOf(value.name),
      message: wordsOf(value.message),
      ...('cause' in value && { cause: value.cause }),
      ...(errors && { errors }),
      ...fields,
    };
    const hasMore = errors !== undefined || Object.keys(fields).length > 0;
    this.#enter(value);
    return this.#leave(this.#fields(parts), hasMore ? ['custom', 'error'] : 'Error');
  }

  #enter(value: object): void {
    if (this.#above.includes(value)) throw this.#refuse('an object that contains itself,');
    if (this.#above.length === MOST_LEVELS) throw this.#tooDeep();
    this.#above.push(value);
    this.#count(0);
  }

  /** @param type of what was entered, where JSON leaves it out */
  #leave(json: unknown, type?: TypeName): unknown {
    this.#above.pop();
    const inner = this.#types as Inner | undefined;
    if (type !== undefined) this.#types = inner ? [type, inner] : [type];
    return json;
  }

  #list(values: readonly unknown[]): unknown[] {
    let inner: Inner | undefined;
    const { length } = values;
    const list: unknown[] = [];
    for (let index = 0; index < length; index += 1) {
      const value = values[index];
      this.#keys.push(index);
      if (value === undefined && !Object.hasOwn(values, index)) throw this.#refuse('a hole');
      list.push(this.#walk(value));
      if (this.#types) inner = this.#addTypes(inner, String(index), this.#types);
      this.#keys.pop();
    }
    this.#types = inner;
    return list;
  }

  #fields(value: object): Record<string, unknown> {
    let inner: Inner | undefined;
    const fields: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      this.#keys.push(key);
      this.#characters += key.length;
      const json = this.#walk((value as Record<string, unknown>)[key]);
      if (key === '__proto__') Object.defineProperty(fields, key, { value: json, ...PLAIN });
      else fields[key] = json;
      if (this.#types) {
        if (REFUSED_KEYS.has(key)) throw this.#refuse('more than JSON');
        inner = this.#addTypes(inner, key.replaceAll('\\', '\\\\').replaceAll('.', '\\.'), this.#types);
      }
      this.#keys.pop();
    }
    this.#types = inner;
    return fields;
  }

  /** Paths of an object or list that has no type itself go on in its parent's. */
  #addTypes(inner: Inner = {}, key: string, types: Types): Inner {
    if (Array.isArray(types)) {
      inner[key] = types;
      return inner;
    }
    for (const [path, each] of Object.entries(types as Inner)) {
      inner[`${key}.${path}`] = each;
      this.#count(key.length);
    }
    return inner;
  }

  #typed(type: TypeName, json: string | null): string | null {
    this.#count(0);
    this.#types = [type];
    return json;
  }

  #text(type: TypeName, text: string): string | null {
    this.#count(text.length);
    return this.#typed(type, text);
  }

  /** Ends the walk through a value that has become far too large: what occurs often may have no end that is near. */
  #count(characters: number): void {
    this.#characters += characters;
    this.#values += 1;
    const bytes = this.#characters + this.#values;
    if (bytes > TELLABLE * this.#limitBytes)
      throw tooLarge(this.#what, bytes, this.#limitBytes, 'more than ');
  }

  #assertBare(value: object): void {
    const [own] = Object.keys(value);
    if (own !== undefined) throw this.#refuse(`a ${className(value)} with a property '${own}' of its own`);
  }

  /** The place of the value: `.items[3].price`; empty at the top. */
  get #place(): string {
    const step = (key: string | number): string =>
      typeof key === 'string' && SIMPLE_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    const path = this.#keys.map(step).join('');
    if (path === '') return '';
    return ` at ${path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path}`;
  }

  #refuse(what: string): NotRecordable {
    return new NotRecordable(`${this.#what} cannot be recorded: it is or has ${what}${this.#place}`);
  }

  #tooDeep(): FluxError {
    const message = `${this.#what} is nested more than ${MOST_LEVELS} levels deep${this.#place}`;
    return new FluxError('VALUE_TOO_DEEP', message, {
      hint: 'Pass a list of parts that name each other, or a text.',
      details: { mostLevels: MOST_LEVELS },
    });
  }
}

const PLAIN = { enumerable: true, configurable: true, writable: true };

function saysItself(value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** The prototype is the `Object.prototype` of another realm, such as a `vm` context. */
function isPlainElsewhere(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function className(value: object): string {
  const { constructor } = value as { readonly constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class';
}
