import { ACTOR_HEADER, actor as actorSchema, type Schema } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { failureOf, foreignAnswer, parseJson, unknownShape, unreachable } from './failures.js';
import type { FluxClientOptions } from './types.js';

type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface HttpRequest {
  /** `GET` without one. */
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  /** The path below the server's URL, its segments already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** A status besides 2xx that carries the resource too. */
  readonly alsoOk?: number;
}

interface Answer<T> {
  readonly status: number;
  readonly value: T;
}

export interface Transport {
  readonly serverUrl: string;
  answer<T>(schema: Schema<T>, request: HttpRequest): Promise<Answer<T>>;
  /** The value of the answer alone. */
  value<T>(schema: Schema<T>, request: HttpRequest): Promise<T>;
  /** Opens an event stream and returns its bytes. */
  stream(request: HttpRequest): Promise<AsyncIterable<Uint8Array>>;
}

/** @throws FluxError `INVALID_SETTINGS` for a URL that is not http, `INVALID_REQUEST` for a bad actor */
export function createTransport(options: FluxClientOptions): Transport {
  const serverUrl = readServerUrl(options.serverUrl);
  const actor = readActor(options.actor);
  const send = options.fetch ?? fetch;

  /** Runs a step of a call; a failure becomes the signal's reason when that ended it, else `SERVER_UNREACHABLE`. */
  const guarded = async <T>(signal: AbortSignal | undefined, step: () => Promise<T>): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw unreachable(serverUrl, error);
    }
  };
  const open = async (request: HttpRequest, accept: string): Promise<Response> => {
    const { method = 'GET', path, body, signal } = request;
    const headers = new Headers({ accept });
    if (actor !== undefined) headers.set(ACTOR_HEADER, actor);
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (value !== undefined) headers.set(name, value);
    }
    const init: RequestInit = { method, headers, signal: signal ?? null };
    if (body !== undefined) {
      headers.set('content-type', 'application/json');
      init.body = JSON.stringify(body, kept);
    }
    const response = await guarded(signal, () => send(serverUrl + path + queryOf(request), init));
    if (response.ok || response.status === request.alsoOk) return response;
    const text = await guarded(signal, () => response.text());
    throw failureOf(serverUrl, response.status, contentTypeOf(response), text);
  };
  const answer: Transport['answer'] = async (schema, request) => {
    const response = await open(request, 'application/json');
    const text = await guarded(request.signal, () => response.text());
    const json = parseJson(text);
    if (json === undefined) throw foreignAnswer(serverUrl, response.status, contentTypeOf(response));
    const parsed = schema.safeParse(json);
    if (parsed.success) return { status: response.status, value: parsed.data };
    throw response.ok
      ? unknownShape(serverUrl, request.path, parsed.error.issues)
      : failureOf(serverUrl, response.status, contentTypeOf(response), text);
  };
  return {
    serverUrl,
    answer,
    value: async (schema, request) => (await answer(schema, request)).value,
    async stream(request) {
      const response = await open(request, 'text/event-stream');
      const isStream = contentTypeOf(response).startsWith('text/event-stream');
      if (isStream && response.body) return response.body;
      await response.body?.cancel();
      throw foreignAnswer(serverUrl, response.status, contentTypeOf(response));
    },
  };
}

/** Of these JSON would say something else, without a word. */
const LOST = [Map, Set, RegExp, Error, Promise, ArrayBuffer];

/** @throws FluxError `INVALID_REQUEST` for what JSON has not */
function kept(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const isNumber = typeof value === 'number';
  const isKept = isNumber
    ? Number.isFinite(value)
    : // A Buffer says something else by itself.
      typeof value !== 'bigint' &&
      !ArrayBuffer.isView(this[key]) &&
      !LOST.some((type) => value instanceof type);
  if (isKept) return value;
  const what =
    isNumber || typeof value === 'bigint' ? String(value) : `a ${(this[key] as object).constructor.name}`;
  throw new FluxError('INVALID_REQUEST', `'${key}' is ${what}, which JSON has no word for`, {
    hint: 'Send it as a text, a list or an object.',
  });
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
