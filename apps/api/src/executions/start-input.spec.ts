import { isStorable, type WorkflowDefinition } from '@flux/contracts';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { KnownWorkflow } from '../registry/workflows.js';
import { DEFINITION } from '../testing/execution-rows.js';
import { CheckThreads } from './check-threads.js';
import { assertDepth, InputValidator } from './start-input.js';

type Schema = WorkflowDefinition['inputSchema'];

const known = (inputSchema: Schema, workflowName = 'crawl'): KnownWorkflow => ({
  definition: { ...DEFINITION, workflowName, inputSchema },
  schemaText: JSON.stringify(inputSchema),
});

const SCHEMA = {
  type: 'object',
  properties: { urls: { type: 'array', items: { type: 'string', maxLength: 12 } } },
  required: ['urls'],
  additionalProperties: false,
};
/** Every letter more doubles what the pattern takes to refuse. */
const BACKTRACKING = {
  type: 'object',
  properties: { who: { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } } },
};
const ENDLESS = { who: { name: `${'a'.repeat(40)}!` } };
const TREE = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: { name: { type: 'string', pattern: '^[a-z]$' }, inner: { $ref: '#/$defs/node' } },
    },
  },
};

describe('InputValidator', () => {
  const threads = new CheckThreads(1_000);
  const validator = new InputValidator(threads);
  afterAll(() => threads.close());

  const paths = async (schema: Schema, input: unknown, patterns?: boolean): Promise<string[]> =>
    (await validator.check(known(schema), input, patterns)).map(({ path }) => path);

  it.each([
    ['at once', SCHEMA],
    ['in a thread, where it may take long', { ...SCHEMA, allOf: [{ propertyNames: { pattern: '.' } }] }],
  ])('names every faulty field, %s', async (_where, schema) => {
    expect(await paths(schema, { urls: ['https://a.b/'] })).toEqual([]);
    expect(await paths(schema, { urls: ['https://a.b/c', 3] })).toEqual(['urls.0', 'urls.1']);
    expect((await paths(schema, { more: 1 })).sort()).toEqual(['more', 'urls']);
    expect(await paths(schema, null)).toEqual(['input']);
  });

  it('gives the same answers for inputs that are too large to look at on the event loop', async () => {
    const urls = Array.from({ length: 30_000 }, () => 'https://a.b/');
    expect(await paths(SCHEMA, { urls })).toEqual([]);
    expect(await paths(SCHEMA, { urls: [...urls, 'https://a.b/c'] })).toEqual(['urls.30000']);
    expect(await paths(SCHEMA, { urls: urls.map(() => 1) })).toHaveLength(100);
  });

  it('follows a schema that was replaced', async () => {
    expect(await paths({ type: 'string' }, 1)).toHaveLength(1);
    expect(await paths({ type: 'number' }, 1)).toEqual([]);
    expect(await paths(null, 1)).toEqual([]);
  });

  it('looks at patterns as JavaScript means them without flags, inside what refers to itself too', async () => {
    expect(await paths({ pattern: '^..$' }, '\u{1f600}')).toEqual([]);
    expect(await paths({ pattern: '^\\d{4}\\-\\d{2}$' }, '2026-1')).toEqual(['input']);
    expect(await paths(TREE, { inner: { inner: { name: 'A' } } })).toEqual(['inner.inner.name']);
    expect(await paths(TREE, { inner: { inner: { name: 'a' } } })).toEqual([]);
  });

  it('leaves patterns to the worker where it is asked to, and fractions always', async () => {
    expect(await paths(TREE, { name: 'A' }, false)).toEqual([]);
    expect(await paths(TREE, { name: 1 }, false)).toEqual(['name']);
    expect(await paths(BACKTRACKING, ENDLESS, false)).toEqual([]);
    expect(await paths({ multipleOf: 5 }, 2.5)).toEqual([]);
    expect(await paths({ multipleOf: 5 }, 7)).toEqual(['input']);
  });

  it('ends a check that takes too long with the place, and neither the event loop nor others wait for it', async () => {
    const order: string[] = [];
    const slow = [1, 2].map(() => validator.check(known(BACKTRACKING, 'hostile'), ENDLESS));
    const ended = Promise.allSettled(slow).finally(() => order.push('slow'));
    const inThread = paths(TREE, { name: 'A' }).then(() => order.push('in a thread'));
    const atOnce = paths(SCHEMA, { urls: [] }).then(() => order.push('at once'));
    const reason = expect.objectContaining({
      code: 'INPUT_CHECK_TOO_SLOW',
      message: 'who.name takes longer to check than 1000 ms',
      details: { errors: [{ path: 'who.name', message: 'takes longer to check than 1000 ms' }] },
    });
    expect(await ended).toEqual(Array(2).fill({ status: 'rejected', reason }));
    await Promise.all([inThread, atOnce]);
    expect(order).toEqual(['at once', 'in a thread', 'slow']);
    expect(await paths(BACKTRACKING, { who: { name: 'aa' } })).toEqual([]);
  });

  it('leaves all to the worker where the schema is none, without end, or its pattern is not known here', async () => {
    expect(await paths({ type: 'nonsense' }, 1)).toEqual([]);
    expect(await paths({ $ref: '#' }, 1)).toEqual([]);
    expect(await paths({ pattern: '(?<' }, 'a')).toEqual([]);
  });

  it('tells which workflows have no valid schema, and why', async () => {
    const all = [
      known(SCHEMA, 'good'),
      known(null, 'none'),
      known({ type: 'nonsense' }, 'bad'),
      known({ $ref: '#/no' }, 'lost'),
      known({ anyOf: null }, 'null'),
    ];
    expect(await validator.faultsOf(all.map(({ definition }) => definition))).toEqual([
      expect.stringMatching(/^the input schema of workflow 'bad' is not valid: .*nonsense/),
      expect.stringMatching(/^the input schema of workflow 'lost' is not valid: .*#\/no/),
      expect.stringMatching(/^the input schema of workflow 'null' is not valid: /),
    ]);
  });
});

describe('the shape of an input', () => {
  it('is refused when nested too deep', () => {
    const nested = (levels: number) => Array.from({ length: levels }).reduce((inner) => [inner], 0);
    expect(() => assertDepth(nested(200))).not.toThrow();
    expect(() => assertDepth({ a: nested(200) })).toThrow(
      expect.objectContaining({
        code: 'VALUE_TOO_DEEP',
        message: expect.stringMatching(/^input\.a\.0\.0\..*…: is nested more than 200 levels deep$/),
      }),
    );
  });

  it('cannot hold in a label what PostgreSQL does not store', () => {
    expect(['plain', '👍', 'a\0b', '\ud800'].map(isStorable)).toEqual([true, true, false, false]);
  });
});
