import { inspect } from 'node:util';
import type { ErrorInfo } from '@flux/contracts';
import { ERROR_CODES, type ErrorCode } from '@flux/domain';
import { allFieldsOf, clip, errorsOf, fieldsOf, wordsOf } from './error-fields.js';

const LONGEST_NAME = 200;
const LONGEST_MESSAGE = 8192;
const LONGEST_STACK = 16_384;
/** Of causes and of the errors of an AggregateError. */
const LONGEST_INNER_MESSAGE = 2048;
const LONGEST_INNER_STACK = 4096;
/** How deep causes go. */
const MOST_CAUSES = 5;
/** An error and all that it stands for. */
const MOST_ERRORS = 12;

/**
 * The record of an error, with its causes, the errors it stands for and its own fields, all of them within bounds.
 * Anything can be thrown, and none of it makes this throw.
 * @param code stands in when the error has no error code of Flux itself
 */
export function errorInfo(error: unknown, code?: ErrorCode): ErrorInfo {
  return describe(error, { code, level: 0, budget: { errors: MOST_ERRORS } }) ?? UNTOLD;
}

const UNTOLD: ErrorInfo = { name: 'Error', message: 'an error that cannot be described' };

interface Place {
  readonly code?: ErrorCode | undefined;
  readonly level: number;
  readonly budget: { errors: number };
}

function describe(error: unknown, place: Place): ErrorInfo | undefined {
  if (place.level > MOST_CAUSES || place.budget.errors === 0) return undefined;
  place.budget.errors -= 1;
  try {
    return isError(error) ? describeError(error, place) : describeOther(error, place);
  } catch {
    return place.code === undefined ? UNTOLD : { code: place.code, ...UNTOLD };
  }
}

function describeError(error: Error, place: Place): ErrorInfo {
  const isTop = place.level === 0;
  const { code, fields } = codeAndFields(error, place.code);
  const inner = { level: place.level + 1, budget: place.budget };
  const cause = 'cause' in error && error.cause !== undefined ? describe(error.cause, inner) : undefined;
  const errors = errorsOf(error)
    ?.slice(0, MOST_ERRORS)
    .flatMap((each) => describe(each, inner) ?? []);
  return {
    ...(code !== undefined && { code }),
    name: clip(wordsOf(error.name || 'Error'), LONGEST_NAME),
    message: clip(wordsOf(error.message), isTop ? LONGEST_MESSAGE : LONGEST_INNER_MESSAGE),
    ...stackOf(error, isTop ? LONGEST_STACK : LONGEST_INNER_STACK),
    ...(cause && { cause }),
    ...(errors && errors.length > 0 && { errors }),
    ...(Object.keys(fields).length > 0 && { fields }),
  };
}

/** A stack is written when it is first read, name and message in it: as `String` writes them. */
function stackOf(error: Error, longest: number): Pick<ErrorInfo, 'stack'> {
  const isText = [error.name, error.message].every((part: unknown) => typeof part === 'string');
  return isText && typeof error.stack === 'string' ? { stack: clip(error.stack, longest) } : {};
}

/** The error's own code stays in its fields where another one stands in for it. */
function codeAndFields(
  error: object,
  standIn: ErrorCode | undefined,
): Pick<ErrorInfo, 'code'> & { readonly fields: Record<string, unknown> } {
  const { code, ...fields } = fieldsOf(error);
  const isKnown = (ERROR_CODES as readonly unknown[]).includes(code);
  if (typeof code === 'string' && (isKnown || standIn === undefined)) return { code, fields };
  return { code: standIn, fields: code === undefined ? fields : { code, ...fields } };
}

function describeOther(thrown: unknown, { code, level }: Place): ErrorInfo {
  const isObject = typeof thrown === 'object' && thrown !== null;
  const fields = isObject ? allFieldsOf(thrown) : {};
  const prototype: unknown = isObject ? Object.getPrototypeOf(thrown) : undefined;
  // A plain object is shown by its fields, in which secrets are masked.
  const shown = show(prototype === Object.prototype || prototype === null ? fields : thrown);
  return {
    ...(code !== undefined && { code }),
    name: 'Error',
    message: clip(
      level === 0 ? `thrown: ${shown}` : shown,
      level === 0 ? LONGEST_MESSAGE : LONGEST_INNER_MESSAGE,
    ),
    ...(Object.keys(fields).length > 0 && { fields }),
  };
}

function show(thrown: unknown): string {
  return inspect(thrown, { depth: 2, breakLength: Infinity, maxStringLength: LONGEST_MESSAGE });
}

/** Errors of another realm, such as a `vm` context, are no `instanceof Error` here. */
function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value;
}
