import fc, { type Arbitrary } from 'fast-check';
import type { z as Zod, ZodNumber, ZodString, ZodType } from 'zod';

export type Z = typeof Zod;
/** A schema as each version of zod makes it. */
export type Recipe = (z: Z) => ZodType;

const TEXTS = [
  ...['', 'a', 'ab', 'abc', ' abc ', 'ABC', 'a-b', 'a\nb', '5', 'true', '\u{1f600}', '\u{1f600}\u{1f600}'],
  ...[
    '2026-11',
    '2026-11-28',
    'PT0.5S',
    'a@localhost',
    'a@b.de',
    'http://ü.de',
    '::ffff:1.2.3.4',
    '127.0.0.1',
  ],
];
const NUMBERS = [0, -0, 1, -1, 2, 3, 4, 5, 10, 19.99, 2.5, 1e21, 1e-7, 2 ** 53, -(2 ** 31), 2 ** 32];
const KEYS = ['a', 'b', 'c'] as const;
const key = fc.constantFrom(...KEYS);
const leaf = fc.constantFrom<unknown>(...TEXTS, ...NUMBERS, true, false, null);

/** Inputs that come near to what {@link recipes} want. */
export const inputs: Arbitrary<unknown> = fc.letrec((tie) => ({
  input: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('input'), { maxLength: 3 }),
    fc.dictionary(key, tie('input'), { maxKeys: 3 }),
  ),
})).input;

const PATTERNS = [
  /^[a-z]+$/,
  /^[A-Z]*$/i,
  /^a.b$/s,
  /^b$/m,
  new RegExp('^\\d{4}\\-\\d{2}$'),
  /^[\w-.]+$/,
  /^..$/,
  /^..$/u,
  /a/g,
  /^\p{L}+$/u,
];

type StringRule = (schema: ZodString) => ZodString;
const stringRule: Arbitrary<StringRule> = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 5).chain((n) =>
    fc.constantFrom<StringRule[]>(
      (schema) => schema.min(n),
      (schema) => schema.max(n),
      (schema) => schema.length(n),
    ),
  ),
  fc.constantFrom(...PATTERNS).map(
    (pattern): StringRule =>
      (schema) =>
        schema.regex(pattern),
  ),
  fc.constantFrom<StringRule[]>(
    (schema) => schema.trim(),
    (schema) => schema.toLowerCase(),
    (schema) => schema.overwrite((text) => `${text}!`),
    (schema) => schema.refine((text) => text !== 'a'),
    (schema) => schema.check((payload) => void (payload.value = 'abc')),
    (schema) => schema.startsWith('a'),
    (schema) => schema.endsWith('c'),
    (schema) => schema.includes('-'),
    (schema) => schema.includes('b', { position: 1 }),
    (schema) => schema.meta({ format: 'date', pattern: '^never$', minLength: 99 }),
  ),
);

type NumberRule = (schema: ZodNumber) => ZodNumber;
const numberRule: Arbitrary<NumberRule> = fc.oneof(
  fc.constantFrom(0, 1, 3, 2.5).chain((bound) =>
    fc.constantFrom<NumberRule[]>(
      (schema) => schema.min(bound),
      (schema) => schema.max(bound),
      (schema) => schema.gt(bound),
      (schema) => schema.lt(bound),
    ),
  ),
  fc.constantFrom(0.01, 2, 5, -3).map(
    (step): NumberRule =>
      (schema) =>
        schema.multipleOf(step),
  ),
  fc.constantFrom<NumberRule[]>(
    (schema) => schema.int(),
    (schema) => schema.overwrite(Math.abs),
    (schema) => schema.refine((value) => value !== 1),
  ),
);

const FORMATS = [
  ...['email', 'url', 'uuid', 'ipv4', 'ipv6', 'base64', 'jwt', 'emoji', 'nanoid', 'cuid2', 'e164', 'cidrv4'],
] as ReadonlyArray<'email'>;

const ruled = <S>(of: (z: Z) => S, rule: Arbitrary<(schema: S) => S>): Arbitrary<(z: Z) => S> =>
  fc.array(rule, { maxLength: 3 }).map((rules) => (z) => rules.reduce((schema, add) => add(schema), of(z)));

const simple: Arbitrary<Recipe> = fc.oneof(
  ruled((z) => z.string(), stringRule),
  ruled((z) => z.number(), numberRule),
  ruled((z) => z.coerce.string() as unknown as ZodString, stringRule),
  fc.constantFrom(...FORMATS).map(
    (format): Recipe =>
      (z) =>
        z[format](),
  ),
  fc.constantFrom<Recipe[]>(
    (z) => z.email({ pattern: z.regexes.html5Email }),
    (z) => z.email().min(3),
    (z) => z.url().max(12),
    (z) => z.iso.date(),
    (z) => z.iso.duration(),
    (z) => z.coerce.number(),
    (z) => z.coerce.boolean(),
    (z) => z.int(),
    (z) => z.uint32().min(2),
    (z) => z.boolean(),
    (z) => z.stringbool(),
    (z) => z.null(),
    (z) => z.undefined(),
    (z) => z.any(),
    (z) => z.unknown(),
    (z) => z.never(),
    (z) => z.date(),
    (z) => z.bigint(),
    (z) => z.json(),
    (z) => z.custom((value) => value === 'a'),
    (z) => z.enum(['a', 'b', '5']),
    (z) => z.enum({ One: 1, Two: 2 }),
    (z) => z.literal(['a', 5, null, true]),
    (z) => z.literal(undefined),
    (z) => z.templateLiteral(['a', z.number()]),
  ),
);

type Wrap = (schema: ZodType, z: Z) => ZodType;
const wrap = fc.constantFrom<Wrap[]>(
  (schema) => schema.optional(),
  (schema) => schema.nullable(),
  (schema) => schema.nullish(),
  (schema) => schema.readonly(),
  (schema) => schema.default('abc'),
  (schema) => schema.prefault(5),
  (schema) => schema.catch(1),
  (schema) => schema.nonoptional(),
  (schema) => schema.optional().nonoptional(),
  (schema) => schema.refine((value) => value !== 5),
  (schema) => schema.transform((value) => [value]),
  (schema) => schema.superRefine((value, ctx) => void (value === 5 && ctx.addIssue('no'))),
  (schema) => schema.describe('it').meta({ id: `x%20y${Math.random()}`, format: 'date', type: 'null' }),
  (schema, z) => z.preprocess((value) => (value === '5' ? 5 : value), schema),
  (schema, z) => z.lazy(() => schema),
  (schema, z) => schema.pipe(z.any()),
  (schema) => schema.array().nonempty(),
  (schema) => schema.array().max(2),
  (schema, z) => z.record(z.string(), schema),
  (schema, z) => z.record(z.string().regex(/^[ab]$/), schema),
  (schema, z) => z.partialRecord(z.enum(KEYS), schema),
  (schema, z) => z.tuple([schema]),
  (schema, z) => z.tuple([z.string(), schema]).rest(schema),
  (schema, z) => z.tuple([schema, z.number().optional()]),
);

const has = (z: Z, name: keyof Z): boolean => name in z;
const unchanged = (value: unknown): never => value as never;

type Join = (left: ZodType, right: ZodType, z: Z) => ZodType;
const join = fc.constantFrom<Join[]>(
  (left, right, z) => z.union([left, right]),
  // Versions before 4.2 have no xor, those before 4.1 no codec.
  (left, right, z) => (has(z, 'xor') ? z.xor : z.union)([left, right.refine((value) => value !== 'a')]),
  (left, right, z) =>
    has(z, 'codec')
      ? z.codec(left, right, { decode: unchanged, encode: unchanged })
      : left.pipe(right as never),
  (left, right, z) => z.intersection(left, right),
  (left, right, z) => z.object({ a: left, b: right }),
  (left, right, z) => z.strictObject({ a: left }).and(z.strictObject({ b: right })),
  (left, right, z) => z.strictObject({ a: left, b: right.optional() }),
  (left, right, z) =>
    z
      .strictObject({ a: left })
      .optional()
      .and(z.record(z.string().regex(/^[bc]$/), right)),
  (left, right, z) => z.object({ a: left }).catchall(right),
  (left, right, z) => z.looseObject({ a: left, b: right }).partial(),
  (left, right, z) => z.object({ a: left.optional(), b: right.optional() }).required(),
  (left, right, z) => z.tuple([left, right]),
  (left, right, z) =>
    z.union([z.object({ kind: z.literal('a'), a: left }), z.object({ kind: z.literal('b'), b: right })]),
  (left, right, z) => {
    const tree: ZodType = z.object({
      a: left,
      get b() {
        return z.union([tree, right]).optional();
      },
    });
    return tree;
  },
);

/** Schemas of many kinds, each for every version of zod. */
export const recipes: Arbitrary<Recipe> = fc.letrec<{ recipe: Recipe }>((tie) => ({
  recipe: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    simple,
    fc.tuple(wrap, tie('recipe')).map(
      ([add, inner]): Recipe =>
        (z) =>
          add(inner(z), z),
    ),
    fc.tuple(join, tie('recipe'), tie('recipe')).map(
      ([add, left, right]): Recipe =>
        (z) =>
          add(left(z), right(z), z),
    ),
  ),
})).recipe;
