/** A JSON Schema. `{}` takes anything. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The parts of a schema of zod 4 that are read here. All its versions, and zod/mini, have them; zod itself is not
 * loaded, since a workflow brings its own.
 */
interface ZodNode {
  readonly _zod: {
    readonly def: ZodDef;
    readonly traits: ReadonlySet<string>;
    readonly version?: { readonly major: number; readonly minor: number };
    /** Of enums and literals. */
    readonly values?: ReadonlySet<unknown>;
    /** Of a `lazy`, the same one each time. */
    readonly innerType?: ZodNode;
  };
  readonly meta?: () => Readonly<Record<string, unknown>> | undefined;
}

interface ZodCheck {
  readonly check?: string;
  readonly format?: string;
  readonly pattern?: RegExp;
  readonly value?: unknown;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly includes?: string;
  readonly position?: number;
  readonly fn?: unknown;
}

interface ZodDef extends ZodCheck {
  readonly type: string;
  readonly checks?: ReadonlyArray<{ readonly _zod: { readonly def: ZodCheck } }>;
  readonly coerce?: boolean;
  readonly innerType?: ZodNode;
  readonly element?: ZodNode;
  readonly shape?: Readonly<Record<string, ZodNode>>;
  readonly catchall?: ZodNode;
  readonly options?: readonly ZodNode[];
  readonly left?: ZodNode;
  readonly right?: ZodNode;
  readonly items?: readonly ZodNode[];
  readonly rest?: ZodNode | null;
  readonly in?: ZodNode;
  readonly keyType?: ZodNode;
  readonly valueType?: ZodNode;
  readonly mode?: string;
}

export function isZod4(schema: object): schema is ZodNode {
  return (schema as { _zod?: { def?: unknown } })._zod?.def !== undefined;
}

/** A schema that goes on for ever, by a getter that makes a new one each time, ends here. */
const MOST_NODES = 5_000;
const DEEPEST = 100;

/** Formats of strings that zod decides by their pattern alone, in each of its versions. */
const BY_PATTERN = new Set(
  'regex email guid uuid nanoid cuid cuid2 ulid xid ksuid datetime date time duration ipv4 cidrv4 e164 lowercase uppercase'.split(
    ' ',
  ),
);

/** The formats of whole numbers, with the least and the greatest of each. */
const INTEGERS = new Map<string | undefined, readonly [number, number]>([
  ['safeint', [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
  ['int32', [-(2 ** 31), 2 ** 31 - 1]],
  ['uint32', [0, 2 ** 32 - 1]],
]);

/** Types that refuse `undefined`, so that a property of them has to be there. */
const REFUSES_UNDEFINED = new Set(
  'string number int boolean null array object record tuple enum template_literal never bigint date'.split(
    ' ',
  ),
);

/**
 * JSON Schema (2020-12) of what every input that the schema takes fulfils. The api may refuse what does not; all else is
 * left to the schema itself, which the worker runs. So a rule of the schema stands here only where JSON Schema says the
 * same, and only up to where the schema may have changed the value: see docs/schemas.md. Patterns are meant without flags.
 */
export function inputSchemaOf(schema: ZodNode): JsonSchema {
  const translation = new Translation();
  const root = translation.of(schema, { depth: 0, keysAreShared: false });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...root,
    ...(translation.defs.size > 0 && { $defs: Object.fromEntries(translation.defs) }),
  };
}

interface Place {
  readonly depth: number;
  /** A part of an intersection, of which another part may know the keys that this one does not. */
  readonly keysAreShared: boolean;
}

interface UnderWay {
  readonly node: ZodNode;
  readonly keysAreShared: boolean;
  /** Its name in `$defs`, once it was met again inside itself. */
  name?: string;
}

class Translation {
  readonly defs = new Map<string, JsonSchema>();
  readonly #underWay: UnderWay[] = [];
  #nodes = 0;
  #names = 0;

  of(node: ZodNode, place: Place): JsonSchema {
    const { keysAreShared, depth } = place;
    const outer = this.#underWay.find((each) => each.node === node && each.keysAreShared === keysAreShared);
    if (outer) {
      outer.name ??= `schema${this.#names++}`;
      return { $ref: `#/$defs/${outer.name}` };
    }
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES || depth > DEEPEST) return {};
    const entry: UnderWay = { node, keysAreShared };
    this.#underWay.push(entry);
    const rules = this.#rules(node, { keysAreShared, depth: depth + 1 });
    this.#underWay.pop();
    if (entry.name === undefined) return { ...rules, ...annotations(node) };
    this.defs.set(entry.name, rules);
    return { $ref: `#/$defs/${entry.name}`, ...annotations(node) };
  }

  #rules(node: ZodNode, place: Place): JsonSchema {
    const { def, values } = node._zod;
    if (def.coerce) return {};
    switch (def.type) {
      case 'string':
        return { type: 'string', ...stringRules(node) };
      case 'template_literal':
        return { type: 'string' };
      case 'number':
        return numberRules(node);
      case 'boolean':
      case 'null':
        return { type: def.type };
      case 'never':
        return { not: {} };
      case 'enum':
      case 'literal':
        return oneOf([...(values ?? [])]);
      case 'array':
        return { type: 'array', ...this.#items(def.element, place), ...lengths(node, 'Items') };
      case 'tuple':
        return this.#tuple(def, place);
      case 'object':
        return this.#object(def, place);
      case 'record':
        return { type: 'object', ...this.#recordValues(def, place) };
      default:
        return this.#samePlace(node, place);
    }
  }

  /** The types that hand a value on to another schema as it came. All others take, here, anything. */
  #samePlace(node: ZodNode, place: Place): JsonSchema {
    const { type, innerType, options, left, right } = node._zod.def;
    const inner = innerOf(node);
    if (inner) return this.of(inner, place);
    if (type === 'nullable' && innerType) return anyOf([this.of(innerType, place), { type: 'null' }]);
    // Of a xor too: one that fits there is one that fits.
    if (type === 'union' && options) return anyOf(options.map((option) => this.of(option, place)));
    if (type === 'intersection' && left && right) {
      const shared = { ...place, keysAreShared: true };
      return allOf([this.of(left, shared), this.of(right, shared)]);
    }
    return {};
  }

  #items(element: ZodNode | null | undefined, { depth }: Place): JsonSchema {
    const items = element ? this.of(element, { depth, keysAreShared: false }) : {};
    return isOpen(items) ? {} : { items };
  }

  #tuple({ items = [], rest }: ZodDef, place: Place): JsonSchema {
    const prefixItems = items.map((item) => this.of(item, { ...place, keysAreShared: false }));
    const minItems = items.findLastIndex((item) => refusesUndefined(item)) + 1;
    return {
      type: 'array',
      ...(prefixItems.length > 0 && { prefixItems }),
      ...(minItems > 0 && { minItems }),
      ...(rest ? this.#items(rest, place) : { maxItems: items.length }),
    };
  }

  #object({ shape = {}, catchall }: ZodDef, { depth, keysAreShared }: Place): JsonSchema {
    const names = Object.keys(shape).filter((name) => name !== '__proto__');
    const place = { depth, keysAreShared: false };
    const properties = names.map((name) => [name, this.of(shape[name] as ZodNode, place)] as const);
    const required = names.filter((name) => refusesUndefined(shape[name] as ZodNode));
    const isStrict = catchall?._zod.def.type === 'never';
    const others = catchall && !isStrict ? this.of(catchall, place) : {};
    return {
      type: 'object',
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
      ...(isStrict && !keysAreShared && { additionalProperties: false }),
      ...(!isOpen(others) && { additionalProperties: others }),
    };
  }

  /** Only where every key is one of the record's: another part of an intersection may own the rest. */
  #recordValues({ keyType, valueType, mode }: ZodDef, place: Place): JsonSchema {
    const key = keyType?._zod.def;
    const takesEveryKey =
      key?.type === 'string' && !keyType?._zod.traits.has('$ZodCheck') && !key.checks?.length;
    if (!takesEveryKey || mode === 'loose' || !valueType) return {};
    const additionalProperties = this.of(valueType, { ...place, keysAreShared: false });
    return isOpen(additionalProperties) ? {} : { additionalProperties };
  }
}

/** The schema that decides in the place of this one, where there is one. */
function innerOf({ _zod: { def, innerType } }: ZodNode): ZodNode | undefined {
  if (def.type === 'lazy') return innerType;
  if (def.type === 'pipe') return def.in;
  const isWrapper = ['optional', 'nonoptional', 'default', 'prefault', 'readonly'].includes(def.type);
  return isWrapper ? def.innerType : undefined;
}

/** Whether the schema is known to refuse a property that is not there. */
function refusesUndefined(node: ZodNode | undefined, depth = 0): boolean {
  if (!node || depth > DEEPEST) return false;
  const { def, values } = node._zod;
  const { type, innerType, options, left, right } = def;
  const ask = (other: ZodNode | undefined): boolean => refusesUndefined(other, depth + 1);
  if (def.coerce) return false;
  if (type === 'literal') return values?.has(undefined) === false;
  if (REFUSES_UNDEFINED.has(type)) return true;
  if (type === 'nullable' || type === 'readonly') return ask(innerType);
  if (type === 'nonoptional')
    return ask(innerType?._zod.def.type === 'optional' ? innerType._zod.def.innerType : innerType);
  if (type === 'pipe' || type === 'lazy') return ask(innerOf(node));
  if (type === 'union') return options !== undefined && options.every(ask);
  return type === 'intersection' && (ask(left) || ask(right));
}

/** The rules of a string, a number or an array, up to the first that may change the value. */
function checksOf({ _zod: { def, traits } }: ZodNode): readonly ZodCheck[] {
  const all = [...(traits.has('$ZodCheck') ? [def] : []), ...(def.checks ?? []).map((each) => each._zod.def)];
  const end = all.findIndex((check) => !isPure(check));
  return end < 0 ? all : all.slice(0, end);
}

const PURE = new Set(
  'min_length max_length length_equals greater_than less_than multiple_of number_format string_format property'.split(
    ' ',
  ),
);

/** `overwrite`, `check` and `superRefine` may change the value, and `url` takes spaces off it. */
function isPure({ check = '', format, fn }: ZodCheck): boolean {
  return (PURE.has(check) && format !== 'url') || (check === 'custom' && typeof fn === 'function');
}

function stringRules(node: ZodNode): JsonSchema {
  const patterns = checksOf(node).flatMap((check) => patternOf(check) ?? []);
  const [pattern, ...more] = [...new Set(patterns)];
  return {
    ...lengths(node, 'Length'),
    ...(pattern !== undefined && { pattern }),
    ...(more.length > 0 && { allOf: more.map((each) => ({ pattern: each })) }),
  };
}

function patternOf({
  check,
  format = '',
  pattern,
  prefix,
  suffix,
  includes,
  position,
}: ZodCheck): string | undefined {
  if (check !== 'string_format') return undefined;
  if (prefix !== undefined) return `^${escape(prefix)}`;
  if (suffix !== undefined) return `${escape(suffix)}$`;
  if (includes !== undefined) return position === undefined ? escape(includes) : undefined;
  // Whether a pattern is global, or tells of indices, changes nothing here.
  return BY_PATTERN.has(format) && pattern && /^[dg]*$/.test(pattern.flags) ? pattern.source : undefined;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

function numberRules(node: ZodNode): JsonSchema {
  const checks = checksOf(node);
  const integers = checks.flatMap(({ format }) => {
    const range = INTEGERS.get(format);
    return range ? [range] : [];
  });
  const finite = (of: readonly ZodCheck[]): number[] =>
    of.flatMap(({ value }) => (typeof value === 'number' && Number.isFinite(value) ? [value] : []));
  const bounds = (kind: string, inclusive: boolean): number[] =>
    finite(checks.filter((each) => each.check === kind && (each.inclusive ?? false) === inclusive));
  const steps = finite(checks.filter(({ check }) => check === 'multiple_of'))
    .map(Math.abs)
    .filter((step) => Number.isSafeInteger(step) && step > 0);
  return {
    type: integers.length > 0 ? 'integer' : 'number',
    ...most('minimum', [...bounds('greater_than', true), ...integers.map(([lowest]) => lowest)]),
    ...most('exclusiveMinimum', bounds('greater_than', false)),
    ...least('maximum', [...bounds('less_than', true), ...integers.map(([, highest]) => highest)]),
    ...least('exclusiveMaximum', bounds('less_than', false)),
    ...(steps.length > 0 && { multipleOf: steps[0] }),
    ...(steps.length > 1 && { allOf: steps.slice(1).map((multipleOf) => ({ multipleOf })) }),
  };
}

/** Lengths of strings are code points, as in JSON Schema: zod before 4.5 counts UTF-16 units, up to two of each. */
function lengths(node: ZodNode, of: 'Items' | 'Length'): JsonSchema {
  const { major, minor } = node._zod.version ?? { major: 4, minor: 0 };
  const units = of === 'Length' && major === 4 && minor < 5 ? 2 : 1;
  const checks = checksOf(node);
  const is = (bound: number | undefined): number[] =>
    bound !== undefined && bound >= 0 && bound < Infinity ? [bound] : [];
  return {
    ...most(
      `min${of}`,
      checks.flatMap(({ minimum, length }) => is(minimum ?? length).map((each) => Math.ceil(each / units))),
    ),
    ...least(
      `max${of}`,
      checks.flatMap(({ maximum, length }) => is(maximum ?? length).map(Math.floor)),
    ),
  };
}

function most(keyword: string, bounds: readonly number[]): JsonSchema {
  return bounds.length > 0 ? { [keyword]: Math.max(...bounds) } : {};
}

function least(keyword: string, bounds: readonly number[]): JsonSchema {
  return bounds.length > 0 ? { [keyword]: Math.min(...bounds) } : {};
}

/** Of values that JSON cannot say, none can come; where there is no other, the worker refuses what comes. */
function oneOf(values: readonly unknown[]): JsonSchema {
  const plain = values.filter(
    (value) =>
      value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value),
  );
  if (plain.length === 0) return {};
  return plain.length === 1 ? { const: plain[0] } : { enum: plain };
}

function anyOf(options: readonly JsonSchema[]): JsonSchema {
  return options.length === 0 || options.some(isOpen) ? {} : { anyOf: options };
}

function allOf(parts: readonly JsonSchema[]): JsonSchema {
  const strict = parts.filter((part) => !isOpen(part));
  return strict.length === 0 ? {} : { allOf: strict };
}

const ANNOTATIONS = ['title', 'description', 'deprecated'];

/** Whether the schema takes anything. */
function isOpen(schema: JsonSchema): boolean {
  return Object.keys(schema).every((keyword) => ANNOTATIONS.includes(keyword));
}

/** What the schema says of itself; nothing else of its `meta` may become a rule. */
function annotations(node: ZodNode): JsonSchema {
  const meta = node.meta?.() ?? {};
  return Object.fromEntries(
    ANNOTATIONS.filter((name) => ['string', 'boolean'].includes(typeof meta[name])).map((name) => [
      name,
      meta[name],
    ]),
  );
}
