import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { PROBLEM_CONTENT_TYPE } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { HttpMetrics } from './http-metrics.js';
import type { OpenRequests } from './open-requests.js';
import { pathOf, sendProblem } from './problem-filter.js';
import { answerTo, HttpFault } from './problems.js';

export interface HttpAdapterOptions {
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  readonly openRequests: OpenRequests;
  readonly metrics: HttpMetrics;
}

/** Longer than any workflow name in a path. */
const LONGEST_PATH_PART = 1000;
/** What stands in logs and metrics where the client left before there was an answer. */
const CLIENT_GONE = 499;
const UNREADABLE_HINTS: Readonly<Record<number, string>> = {
  400: 'Speak plain HTTP/1.1 to this port; TLS ends at a proxy before it.',
  408: 'Send the whole request at once; it took too long to come.',
  431: 'Send fewer or shorter headers; all together may have 16 KiB.',
};
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Fastify as Flux's HTTP platform: bodies, refusals before routing, request log and metrics. */
export function createHttpAdapter(options: HttpAdapterOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: options.maxBodyBytes,
    routerOptions: { maxParamLength: LONGEST_PATH_PART },
    /** Nest middleware, which Flux has none of, costs each request time. */
    skipMiddie: true,
    return503OnClosing: false,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, request, error, options.logger),
    clientErrorHandler: refuseUnreadable,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  parseBodies(fastify);
  watchRequests(fastify, options);
  fastify.addHook('onRequest', (request, _reply, done) => done(refusal(request, options.openRequests)));
  return adapter;
}

/** JSON, or no body at all whatever its type; anything else is refused. */
function parseBodies(fastify: FastifyInstance): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parseJson(request, body as string, done);
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
  });
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
