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

/** What of the request the answer names. */
export interface Asked {
  /** Without the query. */
  readonly path: string;
  /** Bytes. */
  readonly bodyLimit: number;
}

/** The answer to any error; what is not meant for callers becomes `INTERNAL_ERROR` without its text. */
export function answerTo(error: unknown, asked: Asked): Answer {
  const fault = toFluxError(error, asked);
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
      instance: asked.path,
    },
    headers: {
      ...(fault.code === 'DATABASE_UNAVAILABLE' && { 'retry-after': '1' }),
      ...(fault instanceof HttpFault && fault.headers),
    },
  };
}

function toFluxError(error: unknown, asked: Asked): FluxError {
  if (error instanceof FluxError) return error;
  const source = error instanceof HttpException ? error.cause : error;
  const code = (source as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string' && code.startsWith('FST_ERR_')) return fastifyFault(code, asked) ?? internal();
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

function fastifyFault(code: string, { bodyLimit }: Asked): FluxError | undefined {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new FluxError('PAYLOAD_TOO_LARGE', `the body is larger than ${bodyLimit} bytes`, {
        details: { limitBytes: bodyLimit },
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new FluxError('UNSUPPORTED_MEDIA_TYPE', 'the body is not declared as application/json');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new FluxError(
        'MALFORMED_BODY',
        'the body is not valid JSON, or has a forbidden key (__proto__ or constructor.prototype)',
      );
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new FluxError('MALFORMED_BODY', "the body's size is not its Content-Length");
    case 'FST_ERR_BAD_URL':
      return new HttpFault('INVALID_REQUEST', 400, 'the URL is not correctly percent-encoded', {
        hint: 'Encode the URL again; a literal % is written %25.',
      });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HttpFault('INVALID_REQUEST', 414, 'a part of the path is too long', {
        hint: 'Check the name and the id in the path; no name is longer than 128 characters.',
      });
    default:
      return undefined;
  }
}
