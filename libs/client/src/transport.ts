import { ACTOR_HEADER, actor as actorSchema } from '@flux/contracts';
import { FluxError } from './domain.js';
import { failureOf, foreignAnswer, parseJson, unknownShape, unreachable } from './failures.js';
import type { FluxClientOptions } from './types.js';

type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the server's URL, segments already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** A status besides 2xx that carries the resource too. */
  readonly alsoOk?: number;
}

/** What this package needs of a zod schema. */
export interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: SchemaError };
}
interface SchemaError {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

export interface Answer<T> {
  readonly status: number;
  readonly value: T;
}

export interface Transport {
  readonly serverUrl: string;
  json<T>(request: HttpRequest, schema: Schema<T>): Promise<Answer<T>>;
  /** Opens an event stream and returns its bytes. */
  stream(request: HttpRequest): Promise<AsyncIterable<Uint8Array>>;
}

/** @throws FluxError `INVALID_SETTINGS` for a URL that is not http, `INVALID_REQUEST` for a bad actor */
export function createTransport(options: FluxClientOptions): Transport {
  const serverUrl = readServerUrl(options.serverUrl);
  const actor = readActor(options.actor);
  const send = options.fetch ?? fetch;

  const open = async (request: HttpRequest, accept: string): Promise<Response> => {
    const headers = new Headers({ accept });
    if (actor !== undefined) headers.set(ACTOR_HEADER, actor);
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (value !== undefined) headers.set(name, value);
    }
    const init: RequestInit = { method: request.method, headers, signal: request.signal ?? null };
    if (request.body !== undefined) {
      headers.set('content-type', 'application/json');
      init.body = JSON.stringify(request.body);
    }
    return guarded(serverUrl, request.signal, () => send(serverUrl + request.path + queryOf(request), init));
  };
  const failure = async (response: Response, signal: AbortSignal | undefined): Promise<FluxError> =>
    failureOf(
      serverUrl,
      response.status,
      contentTypeOf(response),
      await guarded(serverUrl, signal, () => response.text()),
    );

  return {
    serverUrl,
    async json(request, schema) {
      const response = await open(request, 'application/json');
      if (!response.ok && response.status !== request.alsoOk) throw await failure(response, request.signal);
      const json = parseJson(await guarded(serverUrl, request.signal, () => response.text()));
      if (json === undefined) throw foreignAnswer(serverUrl, response.status, contentTypeOf(response));
      const parsed = schema.safeParse(json);
      if (parsed.success) return { status: response.status, value: parsed.data };
      if (!response.ok)
        throw failureOf(serverUrl, response.status, contentTypeOf(response), JSON.stringify(json));
      throw unknownShape(serverUrl, request.path, faultsOf(parsed.error));
    },
    async stream(request) {
      const response = await open(request, 'text/event-stream');
      if (!response.ok) throw await failure(response, request.signal);
      const isStream = contentTypeOf(response).startsWith('text/event-stream');
      if (isStream && response.body) return response.body;
      await response.body?.cancel();
      throw foreignAnswer(serverUrl, response.status, contentTypeOf(response));
    },
  };
}

/** Runs a step of a call; a failure becomes the signal's reason when that ended it, else `SERVER_UNREACHABLE`. */
async function guarded<T>(
  serverUrl: string,
  signal: AbortSignal | undefined,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw unreachable(serverUrl, error);
  }
}

function queryOf(request: HttpRequest): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function contentTypeOf(response: Response): string {
  return response.headers.get('content-type') ?? '';
}

function faultsOf(error: SchemaError): string[] {
  return error.issues.map((issue) => `${issue.path.map(String).join('.')}: ${issue.message}`);
}

function readServerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) {
    return (url.origin + url.pathname).replace(/\/+$/, '');
  }
  throw new FluxError('INVALID_SETTINGS', `'${text}' is not the URL of a Flux server`, {
    hint: 'Give --server-url or FLUX_SERVER_URL as http://host:port.',
  });
}

function readActor(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const parsed = actorSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new FluxError('INVALID_REQUEST', 'the actor is not valid', {
    hint: 'Name the caller in 1 to 200 characters of printable ASCII.',
  });
}
