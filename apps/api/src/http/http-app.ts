import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FluxError } from '@flux/domain';
import { Registry } from 'prom-client';
import { createHttpAdapter } from './http-adapter.js';
import { HttpMetrics } from './operations/http-metrics.js';
import { nestLogger } from './logging.js';
import { OpenRequests } from './open-requests.js';
import { RestModule, type HttpAppOptions } from './http.module.js';

/** How long a stopping server waits for answers under way before it cuts their connections. */
const DRAIN_MS = 5000;

/** The Nest application of the api, not yet listening. */
export interface HttpApp {
  readonly nest: NestFastifyApplication;
  /**
   * Listens and resolves with the URL.
   * @throws FluxError `INVALID_SETTINGS` when the address cannot be had
   */
  listen(host: string, port: number): Promise<string>;
  /** Answers what is under way (waits with the present state; streams end) while it refuses new requests. */
  drain(): Promise<void>;
}

export async function createHttpApp(options: HttpAppOptions): Promise<HttpApp> {
  const { logger } = options;
  const registry = new Registry();
  const openRequests = new OpenRequests();
  const adapter = createHttpAdapter({ ...options, metrics: new HttpMetrics(registry), openRequests });
  const nest = await NestFactory.create<NestFastifyApplication>(
    RestModule.forRoot(options, registry, openRequests),
    adapter,
    { logger: nestLogger(logger), bodyParser: false, abortOnError: false, forceCloseConnections: true },
  );
  return {
    nest,
    listen: async (host, port) => {
      await nest.listen(port, host).catch((error: unknown) => {
        throw listenFault(error, host, port);
      });
      return urlOf(nest.getHttpServer().address() as AddressInfo);
    },
    drain: () => openRequests.stop(DRAIN_MS),
  };
}

function listenFault(error: unknown, host: string, port: number): unknown {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is already in use',
    EACCES: 'may not be used by this user',
    EADDRNOTAVAIL: 'is not an address of this machine',
    ENOTFOUND: 'is not an address of this machine',
  };
  const reason = reasons[String((error as { code?: unknown }).code)];
  if (reason === undefined) return error;
  return new FluxError('INVALID_SETTINGS', `cannot listen: ${host}:${port} ${reason}`, {
    hint: 'Stop what listens there, or choose another with FLUX_PORT and FLUX_HOST; port 0 takes any free one.',
    cause: error,
  });
}

/** A URL that reaches the server from this machine. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
