import { isUtf8 } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { INLINE_LIMIT_BYTES, jsonFaults, PROBLEM_CONTENT_TYPE } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { keepHeapLean } from '@flux/messaging';
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { HttpMetrics } from './operations/http-metrics.js';
import type { OpenRequests } from './open-requests.js';
import { pathOf, sendProblem } from './problem-filter.js';
import { answerTo, HttpFault } from './problems.js';

export interface HttpAdapterOptions {
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  readonly openRequests: OpenRequests;
  readonly metrics: HttpMetrics;
}

/** The longest part of a path, longer than any workflow name. */
const LONGEST_PATH_PART = 1000;
/** How long a connection is kept on which no request is under way; clients are told so, and give it up before. */
const KEEP_ALIVE_MS = 72_000;
/**
 * How long the head of a request may take. It counts from the opening of a connection: were it shorter than what clients
 * are told, one of those that they keep in store would be refused just when they come to use it.
 */
const HEAD_MS = KEEP_ALIVE_MS + 18_000;
/** The status in logs and metrics of a request whose client left before there was an answer. */
const CLIENT_GONE = 499;
const UNREADABLE_HINTS: Readonly<Record<number, string>> = {
  400: 'Speak plain HTTP/1.1 to this port; TLS ends at a proxy before it.',
  408: 'Send the whole request at once; it took too long to come.',
  431: 'Send fewer or shorter headers; all together may have 16 KiB.',
};
/** No number has more characters for each that was sent than 1e20. */
const MOST_GROWTH = 6;

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Fastify as Flux's HTTP platform: bodies, refusals before routing, request log and metrics. */
export function createHttpAdapter(options: HttpAdapterOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: options.maxBodyBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEAD_MS },
    routerOptions: { maxParamLength: LONGEST_PATH_PART },
    /** Nest middleware, which Flux has none of, costs each request time. */
    skipMiddie: true,
    return503OnClosing: false,
    frameworkErrors: (error: unknown, _request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, error, options.logger),
    clientErrorHandler: refuseUnreadable,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  parseBodies(fastify, options.maxBodyBytes);
  watchRequests(fastify, options);
  fastify.addHook('onRequest', (request, _reply, done) => done(refusal(request, options.openRequests)));
  return adapter;
}

/** JSON, or no body at all whatever its type; anything else is refused. */
function parseBodies(fastify: FastifyInstance, limitBytes: number): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    if (body.length > INLINE_LIMIT_BYTES) keepHeapLean();
    if (!isUtf8(body as Buffer)) return done(new errorCodes.FST_ERR_CTP_INVALID_JSON_BODY());
    const text = body.toString();
    void parseJson(request, text, (error, value) =>
      done(error ?? changeOf(text, value) ?? growthOf(text, value, limitBytes), value),
    );
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
  });
}

/** The refusal of a body that would not be kept as it was sent. What users send is one level down in it. */
function changeOf(text: string, body: unknown): FluxError | null {
  const [first, ...more] = jsonFaults(text, body, 1);
  if (!first) return null;
  const errors = [first, ...more].map(({ path, message }) => ({ path: path || 'body', message }));
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return new FluxError(first.code, detail, { details: { errors } });
}

/** The refusal of a body that is small as it was sent, `[1e20, …]`, and is larger as it is kept. */
function growthOf(text: string, body: unknown, limitBytes: number): FluxError | null {
  if (text.length * MOST_GROWTH <= limitBytes) return null;
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes <= limitBytes) return null;
  const message = `the body has ${bytes} bytes as it would be kept, more than the ${limitBytes} that are allowed`;
  return new FluxError('PAYLOAD_TOO_LARGE', message, { details: { bytes, limitBytes } });
}

function watchRequests(fastify: FastifyInstance, options: HttpAdapterOptions): void {
  const { openRequests } = options;
  fastify.addHook('onRequest', (request, reply, done) => {
    const since = performance.now();
    openRequests.began(request);
    // Fastify's onResponse does not come for a client that left early; 'close' always does.
    reply.raw.once('close', () => {
      openRequests.ended(request);
      record(request, reply, performance.now() - since, options);
    });
    done();
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (openRequests.stopping) reply.header('connection', 'close');
    done();
  });
}

function record(
  request: FastifyRequest,
  { raw }: FastifyReply,
  milliseconds: number,
  { metrics, logger }: HttpAdapterOptions,
): void {
  const status = raw.headersSent ? raw.statusCode : CLIENT_GONE;
  const isStream = String(raw.getHeader('content-type')).startsWith('text/event-stream');
  const route = request.routeOptions.url ?? 'unknown';
  metrics.observe(request.method, route, status, isStream ? undefined : milliseconds / 1000);
  if (logger.isLevelEnabled('debug')) {
    logger.debug({ method: request.method, path: pathOf(request.url), status, milliseconds }, 'request');
  }
}

/** Why a request is not even routed. */
function refusal(request: FastifyRequest, openRequests: OpenRequests): FluxError | undefined {
  if (openRequests.stopping && request.url !== '/health/live') {
    return new FluxError('SERVER_STOPPING', 'the server is stopping');
  }
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    return new FluxError('UNSUPPORTED_MEDIA_TYPE', 'the body is compressed', {
      hint: 'Send it without Content-Encoding.',
    });
  }
  const site = request.headers['sec-fetch-site'];
  // A page of another site, open in the browser of someone who reaches the api, must not start or cancel work.
  if ((site === 'cross-site' || site === 'same-site') && !SAFE_METHODS.has(request.method)) {
    return new HttpFault('INVALID_REQUEST', 403, 'pages of another site may not change anything here', {
      hint: 'Call the API from your server, the CLI or a page of the same origin.',
    });
  }
  return undefined;
}

/** Answers what Node's HTTP parser gave up on; there is no request to speak of. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const fault = new HttpFault('INVALID_REQUEST', status, 'the request is not valid HTTP', {
    hint: UNREADABLE_HINTS[status],
  });
  const body = JSON.stringify(answerTo(fault, { path: '/', bodyLimit: 0 }).problem);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
