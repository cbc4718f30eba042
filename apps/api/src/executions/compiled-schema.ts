import { str, type ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { InputFault } from '../lifecycle/start.js';

/** The most faults of an input that an answer names. */
const MOST_FAULTS = 100;

type Schema = Readonly<Record<string, unknown>>;
export type Check = (input: unknown) => InputFault[];

/**
 * A check of inputs against a JSON Schema. Formats are not looked at, and patterns are those of JavaScript without flags, as
 * `libs/sdk/src/input-schema.ts` means them.
 * @param onPattern told the place of each text before it is matched, and nothing after; without it, patterns are not looked at
 * @throws Error when the schema is none
 */
export function compileSchema(schema: Schema, onPattern?: (place?: string) => void): Check {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    validateFormats: false,
    // The compiler itself refuses what is no schema; the schema of schemas takes it ten times as long to load.
    validateSchema: false,
    meta: false,
    logger: false,
  });
  ajv.removeKeyword('multipleOf').removeKeyword('pattern');
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    error: { message: ({ schemaCode }) => str`must be multiple of ${schemaCode}` },
    // Fractions are left to the worker: 19.99 is no multiple of 0.01 in binary.
    compile: (step: number) => (value: number) => !Number.isSafeInteger(value) || value % step === 0,
  });
  ajv.addKeyword({
    keyword: 'pattern',
    type: 'string',
    schemaType: 'string',
    error: { message: ({ schemaCode }) => str`must match pattern "${schemaCode}"` },
    compile: (source: string) => {
      const pattern = onPattern && compilePattern(source);
      return (text: string, context) => {
        if (!pattern) return true;
        onPattern(context?.instancePath);
        const fits = pattern.test(text);
        onPattern();
        return fits;
      };
    },
  });
  const validate = ajv.compile(schema);
  return (input) => (validate(input) ? [] : (validate.errors ?? []).slice(0, MOST_FAULTS).map(toFault));
}

/** Undefined for a pattern that this Node does not know; the worker's may. */
function compilePattern(source: string): RegExp | undefined {
  try {
    return new RegExp(source);
  } catch {
    return undefined;
  }
}

function toFault({ instancePath, keyword, params, message }: ErrorObject): InputFault {
  const path = pathOf(instancePath);
  // The fault is in the parent, but the field to correct is the child.
  if (keyword === 'required') path.push(String(params.missingProperty));
  if (keyword === 'additionalProperties') path.push(String(params.additionalProperty));
  return { path: path.join('.') || 'input', message: message ?? keyword };
}

/** The names that a JSON Pointer goes along. */
export function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export interface Work {
  /** The rules, each of which looks at a value once at most where the schema is `linear`. */
  readonly rules: number;
  readonly linear: boolean;
  readonly hasPatterns: boolean;
}

const LINEAR = new Set(
  'type required minItems maxItems minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf title description deprecated'.split(
    ' ',
  ),
);

const NO_WORK: Work = { rules: 0, linear: true, hasPatterns: false };

/** The work that a schema may make. Whatever keyword is not known here, `$ref` among them, may make any. */
export function workOf(schema: unknown): Work {
  if (typeof schema !== 'object' || schema === null) return { ...NO_WORK, rules: 1 };
  const parts = Object.entries(schema).map(([keyword, value]: [string, unknown]): Work => {
    if (keyword === 'pattern') return { rules: 1, linear: true, hasPatterns: true };
    if (LINEAR.has(keyword)) return { ...NO_WORK, rules: 1 };
    switch (keyword) {
      case '$schema':
        return NO_WORK;
      // What refers to itself may be looked at from several rules for one value, and so on inwards.
      case '$ref':
        return { ...NO_WORK, linear: false };
      case '$defs':
      case 'properties':
      case 'prefixItems':
      case 'anyOf':
      case 'allOf':
        return sum(Object.values(value as object).map(workOf));
      case 'items':
      case 'additionalProperties':
      case 'not':
        return workOf(value);
      case 'const':
      case 'enum': {
        const values: unknown[] = Array.isArray(value) ? value : [value];
        return { rules: values.length, linear: values.every(isPrimitive), hasPatterns: false };
      }
      default:
        return { rules: 1, linear: false, hasPatterns: true };
    }
  });
  return sum([{ ...NO_WORK, rules: 1 }, ...parts]);
}

const isPrimitive = (value: unknown): boolean => typeof value !== 'object' || value === null;

function sum(parts: readonly Work[]): Work {
  return {
    rules: parts.reduce((total, { rules }) => total + rules, 0),
    linear: parts.every(({ linear }) => linear),
    hasPatterns: parts.some(({ hasPatterns }) => hasPatterns),
  };
}

/** Whether a JSON value has at most `most` values in it, long texts counted as several. */
export function isSmall(input: unknown, most: number): boolean {
  let left = most;
  const rest = [input];
  while (rest.length > 0) {
    const value = rest.pop();
    left -= typeof value === 'string' ? 1 + value.length / 32 : 1;
    if (left < 0) return false;
    if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) rest.push(each);
  }
  return true;
}
