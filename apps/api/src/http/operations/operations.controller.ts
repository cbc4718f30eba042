import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { HealthResource } from '@flux/contracts';
import { BUS, type Bus } from '@flux/messaging';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import { CORE, type Core } from '../../bus/ports.js';
import type { FleetService } from '../../fleet/fleet-service.js';
import { within } from '../../flow/within.js';
import { DOCS_PAGE, DOCS_POLICY, loadDocsScript, type DocsScript } from '../openapi/docs-page.js';
import { buildDocument } from '../openapi/document.js';
import { METRICS_REGISTRY } from '../tokens.js';
import { Operation } from '../validation.js';

/** A database that takes longer is as good as down to whoever asks. */
const DATABASE_TIMEOUT_MS = 2000;

const BROKER = { connected: 'up', partial: 'down', blocked: 'blocked', disconnected: 'down' } as const;

/** Answers what operators and tools ask of the server itself. */
@Controller()
export class OperationsController {
  readonly #fleet: FleetService;
  readonly #bus: Bus;
  readonly #registry: Registry;
  #document: string | undefined;
  #script: Promise<DocsScript> | undefined;

  constructor(@Inject(CORE) core: Core, @Inject(BUS) bus: Bus, @Inject(METRICS_REGISTRY) registry: Registry) {
    this.#fleet = core.fleet;
    this.#bus = bus;
    this.#registry = registry;
  }

  @Operation('getLiveness')
  live(): HealthResource {
    return { status: 'up', checks: {} };
  }

  /**
   * Whether this replica can serve: its database does its work. A broker that is down is shown and does not count, as starts
   * and cancels are taken all the same and delivered on its return.
   */
  @Operation('getReadiness')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthResource> {
    const answer = this.#fleet.databaseFault().catch((error: unknown) => (error as Error).message);
    const fault = await within(DATABASE_TIMEOUT_MS, answer, () => 'the database does not answer in time');
    const database = fault === undefined ? 'up' : 'down';
    const broker = BROKER[this.#bus.state];
    reply.code(fault === undefined ? 200 : 503);
    const reasons = fault !== undefined && { reasons: { database: fault } };
    return { status: database, checks: { database, broker }, ...reasons };
  }

  @Operation('getMetrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.type(this.#registry.contentType).send(await this.#registry.metrics());
  }

  @Operation('getOpenApi')
  async openapi(@Res() reply: FastifyReply): Promise<void> {
    this.#document ??= JSON.stringify(buildDocument());
    await reply.type('application/json').send(this.#document);
  }

  @Operation('getDocs')
  async docs(@Res() reply: FastifyReply): Promise<void> {
    await reply.type('text/html').header('content-security-policy', DOCS_POLICY).send(DOCS_PAGE);
  }

  @Operation('getDocsScript')
  async docsScript(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { text, etag } = await (this.#script ??= loadDocsScript());
    reply.headers({ etag, 'cache-control': 'no-cache' });
    if (request.headers['if-none-match'] === etag) await reply.code(304).send();
    else await reply.type('text/javascript; charset=utf-8').send(text);
  }
}
