import { PROBLEMS, problem } from '@flux/contracts';
import { FluxError, type ErrorCode } from '@flux/domain';

/** Codes after which the same request may succeed a moment later, without any change. */
const PASSING: readonly string[] = [
  'SERVER_UNREACHABLE',
  'SERVER_STOPPING',
  'SERVER_BUSY',
  'DATABASE_UNAVAILABLE',
];
/** The connection had been made and broke: the request may have been carried out. */
const BROKEN: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** True for an error that reaching the server again may cure. */
export function isPassing(error: unknown): error is FluxError {
  return error instanceof FluxError && PASSING.includes(error.code);
}

/** True when a server was there and the connection broke, or it said that it stops: not a wrong address. */
export function isInterrupted(error: unknown): boolean {
  if (!isPassing(error)) return false;
  return error.code !== 'SERVER_UNREACHABLE' || BROKEN.includes(causeCode(error.cause));
}

/**
 * A name or id that cannot exist is not sent: `..` would even be another route.
 * @throws FluxError `code` where it cannot
 */
export function assertCanExist(
  canExist: boolean,
  code: ErrorCode,
  message: string,
  hint = PROBLEMS[code].hint,
): void {
  if (!canExist) throw new FluxError(code, message, { hint });
}

/** No answer: refused, no such host, or the connection broke. */
export function unreachable(serverUrl: string, cause?: unknown): FluxError {
  const why = describeCause(cause);
  return new FluxError(
    'SERVER_UNREACHABLE',
    `cannot reach the Flux server at ${serverUrl}${why ? `: ${why}` : ''}`,
    { hint: PROBLEMS.SERVER_UNREACHABLE.hint, details: { serverUrl }, cause },
  );
}

/** The error that an answer other than 2xx stands for. */
export function failureOf(serverUrl: string, status: number, contentType: string, body: string): FluxError {
  const parsed = problem.safeParse(parseJson(body));
  if (!parsed.success) return foreignAnswer(serverUrl, status, contentType);
  const { code, hint, detail, title, type: _type, status: _status, ...rest } = parsed.data;
  // A newer server may have codes that this client does not know: they are passed on as they are.
  return new FluxError(code as ErrorCode, detail || title, { hint, details: { ...rest, status } });
}

/** An answer in which nothing says that a Flux server wrote it: a proxy, or another program at that address. */
export function foreignAnswer(serverUrl: string, status: number, contentType: string): FluxError {
  const what = contentType === '' ? 'no content type' : contentType.split(';', 1)[0];
  return new FluxError(
    'SERVER_UNREACHABLE',
    `${serverUrl} answered with status ${status} and ${what}, which is not an answer of a Flux server`,
    {
      hint: 'Check that --server-url or FLUX_SERVER_URL names a Flux server; a proxy before it may be answering.',
      details: { serverUrl, status },
    },
  );
}

type Issues = readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];

/** JSON of a Flux server, but not of the shape that this client knows. */
export function unknownShape(serverUrl: string, path: string, issues: Issues): FluxError {
  const faults = issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`);
  return new FluxError(
    'INTERNAL_ERROR',
    `${serverUrl} answered ${path} in a form this client does not know`,
    {
      hint: 'Client and server are of different versions: bring them to the same one.',
      details: { serverUrl, faults },
    },
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` wraps what went wrong, on several addresses even in an AggregateError. */
function innermost(cause: unknown): unknown {
  if (cause instanceof AggregateError && cause.errors.length > 0) return innermost(cause.errors[0]);
  if (cause instanceof Error && cause.cause !== undefined) return innermost(cause.cause);
  return cause;
}

function causeCode(cause: unknown): unknown {
  const inner = innermost(cause);
  return inner instanceof Error && 'code' in inner ? inner.code : undefined;
}

function describeCause(cause: unknown): string {
  const inner = innermost(cause);
  return inner instanceof Error ? inner.message : '';
}
