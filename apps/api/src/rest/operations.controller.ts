import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { HealthResource } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import { ApiDescription } from './api-description.js';
import { Readiness } from './readiness.js';
import { METRICS_REGISTRY } from './tokens.js';

/** What operators and tools ask of the server itself. */
@Controller()
export class OperationsController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(METRICS_REGISTRY) private readonly registry: Registry,
    @Inject(ApiDescription) private readonly description: ApiDescription,
  ) {}

  @Get('health/live')
  live(): HealthResource {
    return { status: 'up', checks: {} };
  }

  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthResource> {
    const health = await this.readiness.check();
    reply.code(health.status === 'up' ? 200 : 503);
    return health;
  }

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(this.registry.contentType).send(await this.registry.metrics());
  }

  @Get('openapi.json')
  async openapi(@Res() reply: FastifyReply): Promise<void> {
    await reply.type('application/json').send(this.description.json());
  }

  @Get('docs')
  async docs(@Res() reply: FastifyReply): Promise<void> {
    await reply
      .type('text/html')
      .header('content-security-policy', PAGE_POLICY)
      .send(this.description.page());
  }
}

/** The page loads nothing and runs nothing. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
