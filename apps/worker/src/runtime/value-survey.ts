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

/** Besides errors, whatever their class: what has more to it than JSON, and leaves nothing out when it is recorded. */
const RICH = new Set<object>([
  ...[Date, RegExp, URL, ArrayBuffer, Buffer].map((known) => known.prototype as object),
  ...Object.values(TYPED_ARRAYS).map(({ prototype }) => prototype),
]);

/** superjson does not go into objects with these keys. */
const REFUSED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const SIMPLE_KEY = /^[A-Za-z_$][\w$]*$/;

/** Looks through a value before it is recorded: most are plain JSON, and what would be lost is refused. */
class Survey {
  rich = false;
  /** The first object that is JSON, but that a rich value cannot have inside. */
  opaque: string | undefined;
  readonly #keys: Array<string | number> = [];
  readonly #above: object[] = [];

  look(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.rich ||= !Number.isFinite(value) || Object.is(value, -0);
        break;
      case 'undefined':
      case 'bigint':
        this.rich = true;
        break;
      case 'function':
      case 'symbol':
        throw this.#refuse(`a ${typeof value}`);
      case 'object':
        if (value !== null) this.#open(value);
        break;
      default:
    }
  }

  #open(value: object): void {
    if (this.#above.includes(value)) throw this.#refuse('an object that contains itself,');
    this.#above.push(value);
    this.#lookInto(value);
    this.#above.pop();
  }

  #lookInto(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) return this.#lookAtAll(value);
    if (prototype === Object.prototype || prototype === null) return this.#lookAtFields(value);
    if (prototype === Map.prototype) {
      this.rich = true;
      return this.#lookAtAll([...(value as Map<unknown, unknown>)]);
    }
    if (prototype === Set.prototype) {
      this.rich = true;
      return this.#lookAtAll([...(value as Set<unknown>)]);
    }
    if (RICH.has(prototype as object)) {
      this.rich = true;
      return;
    }
    if (value instanceof Error) {
      this.rich = true;
      if ('cause' in value) this.#lookAt('cause', value.cause);
      return;
    }
    // It says by itself how it is to be recorded.
    if ('toJSON' in value && typeof value.toJSON === 'function') return;
    if (!isPlainElsewhere(prototype as object)) throw this.#refuse(`an instance of ${className(value)}`);
    this.opaque ??= this.#path;
    this.#lookAtFields(value);
  }

  #lookAtAll(values: readonly unknown[]): void {
    for (let index = 0; index < values.length; index += 1) this.#lookAt(index, values[index]);
  }

  #lookAtFields(value: object): void {
    if ('toJSON' in value && typeof value.toJSON === 'function') return;
    for (const key of Object.keys(value)) {
      if (REFUSED_KEYS.has(key)) this.opaque ??= this.#path;
      this.#lookAt(key, (value as Record<string, unknown>)[key]);
    }
  }

  #lookAt(key: string | number, value: unknown): void {
    if (typeof value === 'string') return;
    this.#keys.push(key);
    this.look(value);
    this.#keys.pop();
  }

  /** Where it stands: `.items[3].price`; empty at the top. */
  get #path(): string {
    const step = (key: string | number): string =>
      typeof key === 'string' && SIMPLE_KEY.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    return this.#keys.map(step).join('');
  }

  #refuse(what: string): TypeError {
    const path = this.#path;
    return new TypeError(`it is or has ${what}${path === '' ? '' : ` at ${path}`}`);
  }
}

/**
 * Whether JSON alone can say all that the value is.
 * @throws TypeError that tells what cannot be recorded, and where it is
 */
export function isPlainJson(value: unknown): boolean {
  const survey = new Survey();
  survey.look(value);
  if (!survey.rich) return true;
  if (survey.opaque === undefined) return false;
  const where = survey.opaque === '' ? '' : ` at ${survey.opaque}`;
  throw new TypeError(
    `it has more than JSON, and beside it an object${where} of another realm or with a key '__proto__', ` +
      "'constructor' or 'prototype'",
  );
}

/** The prototype is the `Object.prototype` of another realm, such as a `vm` context. */
function isPlainElsewhere(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function className(value: object): string {
  const { constructor } = value as { readonly constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'a class';
}
