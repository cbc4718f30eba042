import type { ValueTypes } from '@flux/contracts';
import { SuperJSON } from 'superjson';
import { errorInfo } from './error-info.js';
import { assertSize, textOf, toJson } from './json.js';
import { isPlainJson, TYPED_ARRAYS } from './value-survey.js';

/** A value as it is recorded. */
export interface Encoded {
  /** What people and programs without Flux see of it: a `Date` as its ISO text, a `Map` as its entries. */
  readonly json: unknown;
  /** What that leaves out; absent for plain JSON. */
  readonly types?: ValueTypes | undefined;
}

const UNDEFINED: Encoded = { json: null, types: { values: ['undefined'], v: 1 } };

const superjson = new SuperJSON();
for (const [name, TypedArray] of Object.entries(TYPED_ARRAYS)) {
  register(
    name,
    (value) => Object.getPrototypeOf(value) === TypedArray.prototype,
    (text) => new TypedArray(bytesOf(text)),
  );
}
register(
  'Buffer',
  (value) => Buffer.isBuffer(value),
  (text) => Buffer.from(text, 'base64'),
);
register('ArrayBuffer', (value) => Object.getPrototypeOf(value) === ArrayBuffer.prototype, bytesOf);
superjson.registerCustom<Date, null>(
  {
    isApplicable: (value): value is Date => value instanceof Date && Number.isNaN(value.getTime()),
    serialize: () => null,
    deserialize: () => new Date(NaN),
  },
  'invalid-date',
);

/** Binary data as base64: a third more than its bytes, where numbers in JSON would be several times as much. */
function register(
  name: string,
  is: (value: object) => boolean,
  restore: (text: string) => ArrayBuffer | ArrayBufferView,
): void {
  superjson.registerCustom<ArrayBuffer | ArrayBufferView, string>(
    {
      isApplicable: (value: unknown): value is ArrayBuffer =>
        typeof value === 'object' && value !== null && is(value),
      serialize: (value) =>
        ('buffer' in value
          ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
          : Buffer.from(value)
        ).toString('base64'),
      deserialize: restore,
    },
    name,
  );
}

/** In memory of their own: of a Buffer's they would be a part, at any offset. */
function bytesOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/**
 * The value as it is recorded; {@link decode} makes the equal of it. Beside JSON it may have `undefined`, `NaN`, ±∞,
 * `-0`, bigints, `Date`, `Map`, `Set`, `RegExp`, `URL`, errors (name, message and cause), `Buffer`, `ArrayBuffer` and
 * typed arrays, however nested. What occurs twice is recorded twice.
 * @param limitBytes of its JSON text, types included
 * @throws TypeError that names `what`, and where in it is what cannot be recorded · FluxError `PAYLOAD_TOO_LARGE`
 */
export function encode(value: unknown, what: string, limitBytes: number): Encoded {
  if (value === undefined) return UNDEFINED;
  if (assertRecordable(value, what)) return { json: toJson(value, what, limitBytes) };
  const { json, meta } = superjson.serialize(value);
  // Of its references nothing is kept: JSON has none, and the rest of a value should not decide that.
  const types = { values: meta?.values, v: meta?.v };
  const text = textOf({ json, types }, what);
  assertSize(text, what, limitBytes);
  return JSON.parse(text) as Encoded;
}

/** @returns whether the value is plain JSON */
function assertRecordable(value: unknown, what: string): boolean {
  try {
    return isPlainJson(value);
  } catch (error) {
    throw new TypeError(`${what} cannot be recorded: ${errorInfo(error).message}`, { cause: error });
  }
}

/** The value that was recorded: new each time where it has more than JSON. */
export function decode({ json, types }: Encoded): unknown {
  if (types === undefined) return json;
  return superjson.deserialize({ json: json as never, meta: types });
}
