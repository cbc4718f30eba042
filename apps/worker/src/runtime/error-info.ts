import { inspect } from 'node:util';
import type { ErrorInfo } from '@flux/contracts';
import { ERROR_CODES, type ErrorCode } from '@flux/domain';

const LONGEST_MESSAGE = 8192;
const LONGEST_STACK = 16_384;

/**
 * What is recorded of an error; anything can be thrown, and none of it makes this throw.
 * @param code stands in when the error has no error code of Flux itself
 */
export function errorInfo(error: unknown, code?: ErrorCode): ErrorInfo {
  try {
    return describe(error, code);
  } catch {
    return { ...withCode(code), name: 'Error', message: 'an error that cannot be described' };
  }
}

function describe(error: unknown, code: ErrorCode | undefined): ErrorInfo {
  if (!(error instanceof Error) && !isErrorLike(error)) {
    return {
      ...withCode(code),
      name: 'Error',
      message: clip(`thrown: ${inspect(error, { depth: 2, breakLength: Infinity })}`, LONGEST_MESSAGE),
    };
  }
  const own: unknown = 'code' in error ? error.code : undefined;
  const known = (ERROR_CODES as readonly unknown[]).includes(own) ? (own as ErrorCode) : code;
  return {
    ...withCode(known),
    name: String(error.name || 'Error'),
    message: clip(String(error.message), LONGEST_MESSAGE),
    ...(typeof error.stack === 'string' && { stack: clip(error.stack, LONGEST_STACK) }),
  };
}

/** Errors of another realm, such as a `vm` context, are no `instanceof Error` here. */
function isErrorLike(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'name' in value && 'message' in value;
}

function withCode(code: ErrorCode | undefined): { code?: ErrorCode } {
  return code === undefined ? {} : { code };
}

function clip(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
