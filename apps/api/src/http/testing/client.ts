import { expect } from '@jest/globals';
import { PROBLEM_CONTENT_TYPE, problem, type ExecutionResource, type Problem } from '@flux/contracts';
import type { oas31 } from 'zod-openapi';
import { buildDocument } from '../openapi/document.js';
import { routesAt } from '../openapi/routes.js';

const DOCUMENT = buildDocument();

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, sent as JSON, a string as it is. */
  readonly body?: unknown;
}

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json(): unknown;
  execution(): ExecutionResource;
  problem(): Problem;
}

/** Calls the API over HTTP, and holds every answer on a known route against the OpenAPI document. */
export async function call(
  url: string,
  path: string,
  { method = 'GET', headers, body }: Call = {},
): Promise<Called> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  expectDocumented(method, path, response);
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as unknown,
    execution: () => JSON.parse(text) as ExecutionResource,
    problem: () => {
      expect(response.headers.get('content-type')).toContain(PROBLEM_CONTENT_TYPE);
      const parsed = problem.parse(JSON.parse(text));
      expect(parsed.status).toBe(response.status);
      expect(parsed.type).toBe(`urn:flux:problem:${parsed.code.toLowerCase().replaceAll('_', '-')}`);
      expect(parsed.instance).toBe(path.split('?')[0]);
      expect(parsed.hint).not.toBe('');
      return parsed;
    },
  };
}

function expectDocumented(method: string, path: string, { status, headers }: Response): void {
  const read = method === 'HEAD' ? 'GET' : method;
  const route = routesAt(path.split('?')[0] ?? '').find((each) => each.method === read);
  const responses = DOCUMENT.paths?.[route?.path ?? '']?.[read.toLowerCase() as 'get']?.responses;
  if (responses === undefined) return;
  const type = (headers.get('content-type') ?? '').split(';')[0] ?? '';
  expect(Object.keys(responses)).toContain(String(status));
  const response = responses[`${status}`] as oas31.ResponseObject | undefined;
  if (method !== 'HEAD') expect(Object.keys(response?.content ?? {})).toContain(type);
}

export interface SseEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: Record<string, unknown>;
}

/** An open event stream of the API. */
export class SseClient {
  readonly #controller = new AbortController();
  #buffer = '';
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  headers: Headers = new Headers();

  /** Resolves once the headers are there. */
  async open(url: string, init: RequestInit = {}): Promise<this> {
    const response = await fetch(url, { ...init, signal: this.#controller.signal });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    this.headers = response.headers;
    this.#reader = response.body?.getReader();
    return this;
  }

  /** The next event; undefined when the stream has ended. */
  async next(): Promise<SseEvent | undefined> {
    while (!this.#buffer.includes('\n\n')) {
      const chunk = await this.#reader?.read();
      if (chunk === undefined || chunk.done) return undefined;
      this.#buffer += new TextDecoder().decode(chunk.value);
    }
    const end = this.#buffer.indexOf('\n\n');
    const lines = this.#buffer.slice(0, end).split('\n');
    this.#buffer = this.#buffer.slice(end + 2);
    const field = (name: string): string | undefined =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    return {
      id: field('id'),
      event: field('event'),
      data: JSON.parse(field('data') ?? '{}') as SseEvent['data'],
    };
  }

  /** Every event until the stream ends. */
  async rest(): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) events.push(event);
    return events;
  }

  disconnect(): void {
    this.#controller.abort();
  }
}
