import { HttpException } from '@nestjs/common';
import { PROBLEMS, type Problem } from '@flux/contracts';
import { FluxError, type ErrorCode, type FluxErrorOptions } from '@flux/domain';

/** A fault of the request as HTTP sees it, where the code's usual status does not tell enough. */
export class HttpFault extends FluxError {
  override readonly name = 'HttpFault';
  constructor(
    code: ErrorCode,
    readonly status: number,
    message: string,
    options: FluxErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, message, options);
    this.headers = options.headers ?? {};
  }
  readonly headers: Readonly<Record<string, string>>;
}

/** An error as it is answered. */
export interface Answer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request that is refused, as far as the answer names it. */
export interface Refused {
  /** The path without the query. */
  readonly path: string;
  /** Bytes. */
  readonly bodyLimit: number;
}

/** The answer to any error; what is not meant for callers becomes `INTERNAL_ERROR` without its text. */
export function answerTo(error: unknown, refused: Refused): Answer {
  const fault = toFluxError(error, refused);
  const kind = PROBLEMS[fault.code];
  return {
    problem: {
      ...fault.details,
      type: `urn:flux:problem:${fault.code.toLowerCase().replaceAll('_', '-')}`,
      title: kind.title,
      status: fault instanceof HttpFault ? fault.status : kind.status,
      detail: fault.message,
      code: fault.code,
      hint: fault.hint ?? kind.hint,
      instance: refused.path,
    },
    headers: {
      ...((fault.code === 'DATABASE_UNAVAILABLE' || fault.code === 'SERVER_BUSY') && { 'retry-after': '1' }),
      ...(fault instanceof HttpFault && fault.headers),
    },
  };
}

function toFluxError(error: unknown, refused: Refused): FluxError {
  if (error instanceof FluxError) return error;
  const source = error instanceof HttpException ? error.cause : error;
  const code = (source as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && code.startsWith('FST_ERR_')) {
    return FASTIFY_FAULTS[code]?.(refused) ?? internal();
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    return new HttpFault('INVALID_REQUEST', error.getStatus(), 'the request cannot be answered', {
      hint: '/docs describes how the route is asked.',
    });
  }
  return internal();
}

function internal(): FluxError {
  return new FluxError('INTERNAL_ERROR', 'the request could not be carried out');
}

/** What Fastify refuses, as callers are told it. */
const FASTIFY_FAULTS: Readonly<Record<string, (refused: Refused) => FluxError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ({ bodyLimit }) =>
    new FluxError('PAYLOAD_TOO_LARGE', `the body is larger than ${bodyLimit} bytes`, {
      details: { limitBytes: bodyLimit },
    }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new FluxError('UNSUPPORTED_MEDIA_TYPE', 'the body is not declared as application/json'),
  FST_ERR_CTP_INVALID_JSON_BODY: () =>
    new FluxError(
      'MALFORMED_BODY',
      'the body is not valid JSON, or has a forbidden key (__proto__ or constructor.prototype)',
    ),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new FluxError('MALFORMED_BODY', "the body's size is not its Content-Length"),
  FST_ERR_BAD_URL: () =>
    new HttpFault('INVALID_REQUEST', 400, 'the URL is not correctly percent-encoded', {
      hint: 'Encode the URL again; a literal % is written %25.',
    }),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new HttpFault('INVALID_REQUEST', 414, 'a part of the path is too long', {
      hint: 'Check the name and the id in the path; no name is longer than 128 characters.',
    }),
};
