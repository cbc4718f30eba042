import type { ValueTypes } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { SuperJSON } from 'superjson';
import { isA } from './error-fields.js';
import { errorInfo } from './error-info.js';
import { assertSize } from './json.js';
import { NotRecordable, Recorder, TYPED_ARRAYS } from './recorder.js';

/** A value as it is recorded. */
export interface Encoded {
  /** The value as people and programs without Flux see it: a `Date` as its ISO text, a `Map` as its entries. */
  readonly json: unknown;
  /** The types that the JSON leaves out; absent for plain JSON. */
  readonly types?: ValueTypes | undefined;
}

/** superjson restores what the recorder has written in its format. */
const superjson = new SuperJSON();
for (const [name, TypedArray] of Object.entries(TYPED_ARRAYS)) {
  restores(name, (text: string) => new TypedArray(bytesOf(text)));
}
restores('Buffer', (text: string) => Buffer.from(text, 'base64'));
restores('ArrayBuffer', bytesOf);
restores('invalid-date', () => new Date(NaN));
restores('error', errorOf);

function restores<Json>(name: string, deserialize: (json: Json) => unknown): void {
  superjson.registerCustom(
    {
      // The recorder writes; superjson is asked to restore alone.
      isApplicable: (_value): _value is never => false,
      serialize: () => null,
      deserialize: (json: unknown) => deserialize(json as Json),
    },
    name,
  );
}

/** The bytes get memory of their own: in a Buffer's they would be a part, at any offset. */
function bytesOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

interface ErrorParts {
  readonly message: string;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

function errorOf({ message, cause, ...rest }: ErrorParts): Error {
  const options = cause === undefined ? {} : { cause };
  const { errors } = rest;
  const error = Array.isArray(errors)
    ? new AggregateError(errors, message, options)
    : new Error(message, options);
  // The stack would be that of the restoring.
  return Object.assign(error, { stack: undefined }, rest);
}

/**
 * The value as it is recorded; {@link decode} makes the equal of it. Beside JSON it may have `undefined`, `NaN`, ±∞,
 * `-0`, bigints, `Date`, `Map`, `Set`, `RegExp`, `URL`, errors (name, message, cause, `errors` and plain fields),
 * `Buffer`, `ArrayBuffer` and typed arrays, nested up to 200 levels. What occurs twice is recorded twice.
 * @param limitBytes of its JSON text, types included
 * @throws TypeError that names `what`, and where in it is what cannot be recorded · FluxError `VALUE_TOO_DEEP` or
 * `PAYLOAD_TOO_LARGE`
 */
export function encode(value: unknown, what: string, limitBytes: number): Encoded {
  const recorder = new Recorder(what, limitBytes);
  const recorded = record(recorder, value, what);
  if (recorded.types === undefined) {
    if (recorder.bytesAtMost > limitBytes) assertSize(JSON.stringify(recorded.json), what, limitBytes);
    return { json: recorded.json };
  }
  const encoded = { json: recorded.json, types: { values: recorded.types, v: 1 } };
  if (value !== undefined) assertSize(JSON.stringify(encoded), what, limitBytes);
  return encoded;
}

/** A getter, a proxy or a `toJSON` may throw anything. */
function record(recorder: Recorder, value: unknown, what: string): ReturnType<Recorder['record']> {
  try {
    return recorder.record(value);
  } catch (error) {
    if (isA(error, FluxError) || isA(error, NotRecordable)) throw error;
    const [why] = errorInfo(error).message.split('\n', 1);
    throw new TypeError(`${what} cannot be recorded: ${why}`, { cause: error });
  }
}

/** The value that was recorded: new each time where it has more than JSON. */
export function decode({ json, types }: Encoded): unknown {
  if (types === undefined) return json;
  return superjson.deserialize({ json: json as never, meta: types });
}
