import { inspect } from 'node:util';

/** The parts of an error that are told by themselves. */
const TOLD_APART = new Set(['name', 'message', 'stack', 'cause']);
/** Keys whose values are secrets more often than not: libraries put requests with their headers into errors. */
const SECRET =
  /pass(word|wd|phrase)|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|credential/i;
const MASK = '[masked]';

const MOST_LEVELS = 4;
/** Of one error, all together. */
const MOST_VALUES = 100;
const MOST_CHARACTERS = 8192;
const LONGEST_TEXT = 1024;

/** JSON that is a property of an error; `undefined` for what is left out. */
type Field = string | number | boolean | null | Field[] | { [key: string]: Field } | undefined;

/** The errors that an AggregateError, or one like it, stands for; `undefined` for any other. */
export function errorsOf(error: object): readonly unknown[] | undefined {
  const { errors } = error as { readonly errors?: unknown };
  if (!Array.isArray(errors)) return undefined;
  const isTold = error instanceof AggregateError || errors.every((each) => each instanceof Error);
  return isTold ? (errors as readonly unknown[]) : undefined;
}

/**
 * The own fields of an error, as plain JSON: `code`, `status` and the like. Instances of classes, functions and what
 * goes beyond 4 levels, 100 values or 8,192 characters are left out; secrets are masked by their keys.
 */
export function fieldsOf(error: object): Record<string, Field> {
  const isApart = (key: string): boolean =>
    TOLD_APART.has(key) || (key === 'errors' && errorsOf(error) !== undefined);
  return allFieldsOf(error, (key) => !isApart(key));
}

/** Those of anything that is thrown. A list has none. */
export function allFieldsOf(thrown: object, isTold = (_key: string): boolean => true): Record<string, Field> {
  if (Array.isArray(thrown) || ArrayBuffer.isView(thrown)) return {};
  const budget = { values: MOST_VALUES, characters: MOST_CHARACTERS };
  return fields(thrown, Object.keys(thrown).filter(isTold), budget, 0);
}

interface Budget {
  values: number;
  characters: number;
}

function fields(
  value: object,
  keys: readonly string[],
  budget: Budget,
  level: number,
): Record<string, Field> {
  const kept: Record<string, Field> = {};
  for (const key of keys) {
    if (budget.values <= 0) break;
    const field = fieldOf(value, key, budget, level);
    if (field === undefined || key === '__proto__') continue;
    budget.characters -= key.length;
    if (budget.characters >= 0) kept[key] = field;
  }
  return kept;
}

/** A getter may throw. */
function fieldOf(value: object, key: string, budget: Budget, level: number): Field {
  try {
    const field = (value as Readonly<Record<string, unknown>>)[key];
    const isSecret = SECRET.test(key) && field !== null && field !== undefined;
    return plain(isSecret ? MASK : field, budget, level);
  } catch {
    return undefined;
  }
}

function plain(value: unknown, budget: Budget, level: number): Field {
  budget.values -= 1;
  switch (typeof value) {
    case 'string':
      return text(value, budget);
    case 'number':
      return Number.isFinite(value) ? value + 0 : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return text(value.toString(), budget);
    case 'object':
      return value === null ? null : nested(value, budget, level);
    default:
      return undefined;
  }
}

function text(value: string, budget: Budget): Field {
  const kept = clip(value, Math.min(LONGEST_TEXT, Math.max(0, budget.characters)));
  budget.characters -= kept.length;
  return kept;
}

function nested(value: object, budget: Budget, level: number): Field {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return text(`${value.name}: ${value.message}`, budget);
  if (level + 1 === MOST_LEVELS) return undefined;
  if (Array.isArray(value)) {
    const kept = value.slice(0, Math.max(0, budget.values));
    return Array.from(kept, (each) => plain(each, budget, level + 1) ?? null);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain ? fields(value, Object.keys(value), budget, level + 1) : undefined;
}

/** `instanceof` for what users throw: a proxy may throw at that. */
export function isA<T>(value: unknown, type: abstract new (...parameters: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/**
 * Any value as a text. `String` writes lists within lists out, and a value of fifty lists that stand twice in one another
 * each has no end that is near.
 */
export function wordsOf(value: unknown): string {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  if (isA(value, Error) && typeof value.message === 'string')
    return `${typeof value.name === 'string' ? value.name : 'Error'}: ${value.message}`;
  return inspect(value, {
    depth: 1,
    maxArrayLength: 20,
    maxStringLength: LONGEST_TEXT,
    breakLength: Infinity,
    customInspect: false,
  });
}

/** The beginning of a text, which does not end in half a character. */
export function clip(value: string, longest: number): string {
  if (value.length <= longest) return value;
  return `${value.slice(0, longest).replace(/[\ud800-\udbff]$/, '')}…`;
}
