import { readSettings, createTopology } from '@flux/contracts';
import { embeddedApiSettings, startApi } from '@flux/api';
import { createMemoryBroker } from '@flux/messaging';
import { startWorker, workerSettings as workerSchema } from '@flux/worker';
import { startEmbeddedPostgres, withClient } from './embedded-postgres.js';

export interface DevServerOptions {
  /** Folder of the workflow files. */
  readonly workflowsDir: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Folder of the database. */
  readonly dataDir: string;
  /** Settings other than these three come from here: names and defaults as for api and worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface DevServer {
  readonly url: string;
  readonly workerId: string;
  /** The workflows its worker has registered. */
  readonly workflows: readonly string[];
  /** Lets running executions finish for the drain time, then stops everything. Idempotent. */
  close(): Promise<void>;
}

/** The environment without its empty variables, which count as unset. */
function present(environment: DevServerOptions['environment']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
}

/** Undoes what has been started, newest first, and only once. */
function closeAll(parts: readonly (() => Promise<void>)[]): () => Promise<void> {
  const run = async (): Promise<void> => {
    for (const close of [...parts].reverse()) await close();
  };
  let closing: Promise<void> | undefined;
  return () => (closing ??= run());
}

/** All that waits for a worker is sent again at once: the memory bus of the process before has gone with its messages. */
const DISPATCH_AGAIN = `
  UPDATE executions SET next_dispatch_at = now(), due_at = now()
  WHERE state IN ('SCHEDULED', 'CANCELLING') AND worker_id IS NULL AND next_dispatch_at IS NOT NULL`;

/**
 * The embedded mode: a PostgreSQL of its own, the memory bus, the api and one worker in this process tree.
 * @throws FluxError `INVALID_SETTINGS`, `INVALID_WORKFLOWS`; EmbeddedPostgresError; then nothing is left running
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  // People read this terminal: what is in order need not be told line by line.
  const environment = {
    FLUX_LOG_LEVEL: 'warn',
    ...present(options.environment),
    FLUX_PORT: String(options.port),
  };
  const apiSettings = readSettings(embeddedApiSettings, environment);
  const workerSettings = readSettings(workerSchema, {
    FLUX_WORKER_NAME: 'dev',
    ...environment,
    FLUX_WORKFLOWS: options.workflowsDir,
  });
  const parts: (() => Promise<void>)[] = [];
  const close = closeAll(parts);
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: options.dataDir });
    parts.push(() => postgres.stop());
    const topology = createTopology(apiSettings.FLUX_NAMESPACE);
    const broker = createMemoryBroker({ deadLetters: topology.deadLetters });
    const apiBus = broker.connect();
    parts.push(() => apiBus.close());
    const api = await startApi({
      settings: { ...apiSettings, FLUX_DATABASE_URL: postgres.url },
      bus: apiBus,
      migrate: true,
    });
    parts.push(() => api.close());
    const workerBus = broker.connect();
    parts.push(() => workerBus.close());
    const worker = await startWorker({ settings: workerSettings, bus: workerBus, embedded: true });
    parts.push(() => worker.close());
    await withClient(postgres.url, (client) => client.query(DISPATCH_AGAIN));
    return { url: api.url, workerId: worker.workerId, workflows: worker.workflows, close };
  } catch (error) {
    await close();
    throw error;
  }
}
