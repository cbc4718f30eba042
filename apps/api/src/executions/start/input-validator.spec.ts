import { describe, expect, it } from '@jest/globals';
import { isStorable, type WorkflowDefinition } from '@flux/contracts';
import { assertDepth, canonicalJson, MAX_DEPTH } from './input-shape.js';
import { InputValidator } from './input-validator.js';

function known(inputSchema: WorkflowDefinition['inputSchema']) {
  const definition = {
    workflowName: 'crawl',
    version: null,
    inputSchema,
    gracePeriodMs: null,
    timeoutMs: null,
    runner: 'shared' as const,
  };
  return { definition, schemaText: JSON.stringify(inputSchema) };
}

const SCHEMA = {
  type: 'object',
  properties: { urls: { type: 'array', items: { type: 'string', format: 'uri' } } },
  required: ['urls'],
  additionalProperties: false,
};

describe('InputValidator', () => {
  it('names every faulty field', () => {
    const validator = new InputValidator();
    const paths = (input: unknown) => validator.check(known(SCHEMA), input).map(({ path }) => path);
    expect(paths({ urls: ['https://a.b/'] })).toEqual([]);
    expect(paths({ urls: ['no uri', 3] })).toEqual(['urls.0', 'urls.1']);
    expect(paths({ more: 1 }).sort()).toEqual(['more', 'urls']);
    expect(paths(null)).toEqual(['input']);
  });

  it('follows a schema that was replaced', () => {
    const validator = new InputValidator();
    expect(validator.check(known({ type: 'string' }), 1)).toHaveLength(1);
    expect(validator.check(known({ type: 'number' }), 1)).toEqual([]);
    expect(validator.check(known(null), 1)).toEqual([]);
  });

  it('tells of a schema that is none', () => {
    expect(() => new InputValidator().check(known({ type: 'nonsense' }), 1)).toThrow(/input schema/);
  });
});

describe('the shape of an input', () => {
  it('is the same whatever the order of keys', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe(
      canonicalJson({ a: null, b: [{ c: 2, d: 1 }] }),
    );
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });

  it('is refused when nested too deep', () => {
    const nested = (levels: number) => Array.from({ length: levels }).reduce((inner) => [inner], 0);
    expect(() => assertDepth(nested(MAX_DEPTH))).not.toThrow();
    expect(() => assertDepth(nested(MAX_DEPTH + 1))).toThrow(/too deep/);
  });

  it('cannot hold in a label what PostgreSQL does not store', () => {
    expect(['plain', '👍', 'a\0b', '\ud800'].map(isStorable)).toEqual([true, true, false, false]);
  });
});
