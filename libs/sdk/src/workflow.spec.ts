import { describe, expect, test } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { workflow } from './index.js';

describe('the version of a workflow', () => {
  const versionOf = (version?: string | number) =>
    workflow('w', () => 1, version === undefined ? {} : { version }).version;

  test('is a number or a short text, or none', () => {
    expect([versionOf(), versionOf(2), versionOf('2'), versionOf('2026-11-25.a_b')]).toEqual([
      null,
      '2',
      '2',
      '2026-11-25.a_b',
    ]);
  });

  test.each([[''], ['a b'], ['a@b'], ['ä'], ['x'.repeat(65)], [-1], [Number.NaN], [null], [{}]])(
    '%j is refused',
    (version) => {
      expect(() => versionOf(version as string)).toThrow(/workflow 'w': a version is/);
    },
  );
});

describe('the runner of a workflow', () => {
  test('is shared unless it says otherwise', () => {
    expect([workflow('w', () => 1), workflow('w', () => 1, { runner: 'process' })]).toMatchObject([
      { runner: 'shared' },
      { runner: 'process' },
    ]);
  });

  test.each([
    ['thread', /no runner 'thread' any more: write 'process' for a runner of its own, or leave it out$/],
    ['fork', /runner is one of shared, process, not 'fork'$/],
  ])('%s is refused with what to write instead', (runner, message) => {
    expect(() => workflow('w', () => 1, { runner: runner as 'shared' })).toThrow(message);
  });
});

describe('the schema of a workflow’s input', () => {
  const length: StandardSchemaV1<string, number> = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: async (value) => {
        if (value === 'throw') throw new RangeError('out of range');
        return typeof value === 'string'
          ? { value: value.length }
          : { issues: [{ message: 'no text', path: ['a', { key: 0 }] }, { message: 'at all' }] };
      },
    },
  };
  const flow = workflow('w', (_ctx, input) => input, { input: length });

  test('is any Standard Schema, which alone tells what it takes', async () => {
    expect(await flow.parseInput('abc')).toBe(3);
    expect(flow.inputSchema()).toBeNull();
  });

  test.each([
    [1, 'the input does not fit the schema: a.0: no text; input: at all'],
    ['throw', 'the schema of the input threw RangeError: out of range'],
  ])('refuses %j as INVALID_INPUT, naming the fields', async (input, message) => {
    await expect(flow.parseInput(input)).rejects.toMatchObject({ code: 'INVALID_INPUT', message });
  });

  test('names the first twenty faults', async () => {
    const many = workflow('w', () => 1, { input: z.array(z.string()) });
    await expect(many.parseInput(Array(25).fill(1))).rejects.toThrow(/19: [^;]+; and 5 more$/);
  });

  test.each([[{}], [null], ['text'], [z.object({}).shape]])('is not %j', (input) => {
    expect(() => workflow('w', () => 1, { input: input as typeof length })).toThrow(
      /workflow 'w': input is a Standard Schema/,
    );
  });

  test('of zod says as JSON Schema only what refuses no input that it takes', () => {
    const input = z.object({
      name: z
        .string()
        .min(2)
        .regex(/^[a-z]+$/)
        .regex(/x$/i)
        .describe('who'),
      size: z.int32().min(1).multipleOf(5).optional(),
      price: z.number().gt(0).multipleOf(0.01).default(1),
      at: z.coerce.date(),
      mail: z.email().max(40),
      site: z.url().max(40),
      code: z.string().trim().length(3),
      kind: z.enum(['a', 'b']).nullable(),
      pair: z.tuple([z.string(), z.number().optional()]).rest(z.boolean()),
      labels: z.record(z.string(), z.string().startsWith('a.')),
      other: z.number().catch(1),
    });
    expect(workflow('w', () => 1, { input }).inputSchema()).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 2, pattern: '^[a-z]+$', description: 'who' },
        size: { type: 'integer', minimum: 1, maximum: 2 ** 31 - 1, multipleOf: 5 },
        price: { type: 'number', exclusiveMinimum: 0 },
        at: {},
        mail: { type: 'string', maxLength: 40, pattern: z.regexes.email.source },
        site: { type: 'string' },
        code: { type: 'string' },
        kind: { anyOf: [{ enum: ['a', 'b'] }, { type: 'null' }] },
        pair: {
          type: 'array',
          prefixItems: [{ type: 'string' }, { type: 'number' }],
          minItems: 1,
          items: { type: 'boolean' },
        },
        labels: { type: 'object', additionalProperties: { type: 'string', pattern: '^a\\.' } },
        other: {},
      },
      required: ['name', 'mail', 'site', 'code', 'kind', 'pair', 'labels'],
    });
  });

  test('of zod may refer to itself, and ends where a getter makes a new one each time', () => {
    const tree = z.object({
      name: z.string(),
      get inner() {
        return tree.optional();
      },
    });
    expect(workflow('w', () => 1, { input: tree }).inputSchema()).toMatchObject({
      $ref: '#/$defs/schema0',
      $defs: { schema0: { properties: { inner: { $ref: '#/$defs/schema0' } }, required: ['name'] } },
    });
    const endless = (): z.ZodType => z.object({ left: z.lazy(endless), right: z.lazy(endless) });
    expect(JSON.stringify(workflow('w', () => 1, { input: endless() }).inputSchema()).length).toBeLessThan(
      1e6,
    );
  });
});
