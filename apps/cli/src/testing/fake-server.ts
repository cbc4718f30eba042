import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';

interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly actor: string | undefined;
  readonly lastEventId: string | undefined;
  readonly body: unknown;
}

export type Answer = (response: ServerResponse, request: Received) => void;

/**
 * An HTTP server that answers as it is told and remembers what it was asked.
 * Stands from the first hook of the test file to its last, and forgets routes and requests before each test.
 */
export function useFakeServer() {
  const routes = new Map<string, Answer[]>();
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const seen = await read(request);
    received.push(seen);
    for (const wake of waiting) wake();
    const answers = routes.get(routeOf(seen)) ?? [problem(404, 'ROUTE_NOT_FOUND')];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response, seen);
  };
  const server = createServer((request, response) => void handle(request, response));
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    routes.clear();
    received.length = 0;
    waiting.clear();
  });
  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    received: received as readonly Received[],
    /** Answers `route`, such as `GET /workers`, from now on: with each of `answers` in turn, the last for good. */
    on: (route: string, ...answers: Answer[]) => void routes.set(route, answers),
    /** Resolves with the next request of `route`, or with one that came already. */
    async arrived(route: string): Promise<Received> {
      for (;;) {
        const found = received.find((one) => routeOf(one) === route);
        if (found) return found;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
  };
}

export function json(body: unknown, status = 200, type = 'application/json'): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
  };
}

export function problem(status: number, code: string, extra: object = {}): Answer {
  const body = { type: 'about:blank', title: code, status, detail: `${code} detail`, code, hint: 'Do this.' };
  return json({ ...body, ...extra }, status, 'application/problem+json');
}

/** An event stream of `messages`, left open unless `end`. */
function eventStream(messages: readonly string[], end = true): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const message of messages) response.write(`${message}\n\n`);
    if (end) response.end();
  };
}

/** A stream of an execution's events. */
export function stream(
  events: readonly { readonly seq: number; readonly type: string }[],
  end = true,
): Answer {
  return eventStream(
    events.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}`),
    end,
  );
}

/** A stream of what a bulk cancel is, one state after the other. */
export function states(...jobs: readonly object[]): Answer {
  return eventStream(jobs.map((job) => `event: cancellation\ndata: ${JSON.stringify(job)}`));
}

/** Never answers. */
export const silence: Answer = () => undefined;

function routeOf({ method, path }: Received): string {
  return `${method} ${path}`;
}

async function read(request: IncomingMessage): Promise<Received> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const body = await text(request);
  const header = (name: string): string | undefined => request.headers[name]?.toString();
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    actor: header('flux-actor'),
    lastEventId: header('last-event-id'),
    body: body === '' ? undefined : JSON.parse(body),
  };
}
