import { Catch, Inject, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { PROBLEM_CONTENT_TYPE } from '@flux/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { routesAt } from './openapi/routes.js';
import { answerTo, HttpFault } from './problems.js';
import { LOGGER } from './tokens.js';

/** Renders every error once, as problem+json; logs what is Flux's own fault. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(@Inject(LOGGER) logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const fault = error instanceof NotFoundException ? unknownRoute(reply.request) : error;
    sendProblem(reply, fault, this.#logger);
  }
}

/** Answers with the problem of `error`, unless an answer has begun. */
export function sendProblem(reply: FastifyReply, error: unknown, logger: Logger): void {
  const { request } = reply;
  const { problem, headers } = answerTo(error, {
    path: pathOf(request.url),
    bodyLimit: request.routeOptions.bodyLimit ?? 0,
  });
  if (problem.code === 'INTERNAL_ERROR') {
    logger.error({ err: error, method: request.method, path: problem.instance }, 'a request failed');
  }
  if (reply.sent || reply.raw.headersSent) return;
  void reply
    .code(problem.status)
    .headers({ ...headers, 'content-type': PROBLEM_CONTENT_TYPE })
    .send(JSON.stringify(problem));
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function unknownRoute(request: FastifyRequest): HttpFault {
  const path = pathOf(request.url);
  const allowed = routesAt(path).map(({ method }) => method);
  if (allowed.length === 0) {
    return new HttpFault('ROUTE_NOT_FOUND', 404, `there is no ${request.method} ${path}`);
  }
  if (allowed.includes('GET')) allowed.push('HEAD');
  const allow = allowed.join(', ');
  return new HttpFault('ROUTE_NOT_FOUND', 405, `${path} does not take ${request.method}`, {
    hint: `Use ${allow}; /docs describes the routes.`,
    headers: { allow },
  });
}
