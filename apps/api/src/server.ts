import 'reflect-metadata';
import { createTopology, parseMessage } from '@flux/contracts';
import { BusServer, keepHeapLean, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { busSubscriptions } from './bus/subscriptions.js';
import { CoreModule } from './app/core.module.js';
import { migrateDatabase } from './database/data-source.js';
import { createHttpApp } from './http/http-app.js';
import { createLogger } from './http/logging.js';
import type { ApiSettings } from './settings.js';

export interface StartApiOptions {
  readonly settings: Omit<ApiSettings, 'FLUX_AMQP_URL'>;
  /** Stays the caller's to close, after the api. */
  readonly bus: Bus;
  /** Default: JSON lines on standard output at `FLUX_LOG_LEVEL`. */
  readonly logger?: Logger;
  /** Bring the schema up to date first; replicas that start together take turns. */
  readonly migrate: boolean;
  /** Told each step of the start, a line for people. */
  readonly log?: (line: string) => void;
}

export interface RunningApi {
  /** Reaches it from this machine. */
  readonly url: string;
  /** Stops it: waits and streams end at once, what is under way is finished. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the api: REST, the outbox relay, the bus handlers and the sweeper. Any number may run in one process.
 * @throws FluxError `INVALID_SETTINGS` when the address cannot be had or the database refuses · `DATABASE_UNAVAILABLE`
 */
export async function startApi(options: StartApiOptions): Promise<RunningApi> {
  // The limit that V8 gives the heap while it starts stays until the heap has grown to it.
  keepHeapLean();
  const { settings, bus, log = () => undefined } = options;
  const logger = options.logger ?? createLogger(settings.FLUX_LOG_LEVEL);
  const topology = createTopology(settings.FLUX_NAMESPACE);
  if (options.migrate) {
    await migrateDatabase(settings.FLUX_DATABASE_URL);
    log('the database schema is up to date');
  }
  const app = await createHttpApp({
    core: CoreModule.forRoot({
      databaseUrl: settings.FLUX_DATABASE_URL,
      topology,
      bus,
      leaseMs: settings.FLUX_LEASE,
      heartbeatMs: settings.FLUX_HEARTBEAT,
      gracePeriodMs: settings.FLUX_GRACE_PERIOD,
      inputCheckMs: settings.FLUX_INPUT_CHECK_TIMEOUT,
      maxDepth: settings.FLUX_MAX_DEPTH,
      logger,
    }),
    bus,
    logger,
    maxBodyBytes: settings.FLUX_MAX_INPUT,
    responseMemoryBytes: settings.FLUX_API_RESPONSE_MEMORY,
  });
  const busServer = new BusServer({ bus, subscriptions: busSubscriptions(topology), parse: parseMessage });
  const stop = async (): Promise<void> => {
    await app.drain();
    // The order matters: the core stops waiting for what it cannot have, handlers under way end, the database closes.
    await app.nest.close();
  };
  try {
    app.nest.connectMicroservice({ strategy: busServer });
    await app.nest.init();
    await app.nest.startAllMicroservices();
    const url = await app.listen(settings.FLUX_HOST, settings.FLUX_PORT);
    log(`the api listens on ${url}`);
    let stopped: Promise<void> | undefined;
    return { url, close: () => (stopped ??= stop()) };
  } catch (error) {
    await stop();
    throw error;
  }
}
