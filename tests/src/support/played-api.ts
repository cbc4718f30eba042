import { embeddedApiSettings, startApi, type StartApiOptions } from '@flux/api';
import { createTopology, type WorkflowDefinition } from '@flux/contracts';
import type { Bus, MemoryBroker } from '@flux/messaging';
import { createSandbox, startPgBouncer, type Sandbox } from '@flux/testing';
import { PlayedWorker } from './played-worker.js';
import { Rest } from './rest.js';
import { useStarted } from './use-deployment.js';

export interface PlayedApi {
  readonly sandbox: Sandbox;
  /** As the api has it. */
  readonly databaseUrl: string;
  readonly rest: Rest;
  readonly worker: PlayedWorker;
  close(): Promise<void>;
}

export interface PlayedApiOptions {
  readonly namespace: string;
  readonly broker: MemoryBroker;
  /** The api's bus; a new one of the broker unless given. */
  readonly bus?: Bus;
  /** The input schemas of the workflows, by name. */
  readonly workflows?: Readonly<Record<string, WorkflowDefinition['inputSchema']>>;
  readonly env?: Readonly<Record<string, string>>;
  /** The mode of a PgBouncer between the api and the database; without one there is none. */
  readonly pooler?: 'session' | 'transaction';
  readonly logger?: NonNullable<StartApiOptions['logger']>;
}

/** The api on PostgreSQL and the memory bus, and a worker that is played and tells every second that it lives. */
async function startPlayedApi(options: PlayedApiOptions): Promise<PlayedApi> {
  const { namespace, broker, bus = broker.connect(), workflows, env, logger } = options;
  const pooler = options.pooler && (await startPgBouncer(options.pooler));
  const sandbox = await createSandbox();
  const text = { FLUX_NAMESPACE: namespace, FLUX_LOG_LEVEL: 'silent', FLUX_PORT: '0', ...env };
  const databaseUrl = pooler?.through(sandbox.databaseUrl) ?? sandbox.databaseUrl;
  const settings = { ...embeddedApiSettings.parse(text), FLUX_DATABASE_URL: databaseUrl };
  const api = await startApi({ settings, bus, migrate: true, ...(logger && { logger }) });
  const worker = await PlayedWorker.start(broker, createTopology(namespace), workflows);
  // One that the api is too late for is followed by the next.
  const beating = setInterval(() => void worker.heartbeat().catch(() => undefined), 1_000);
  return {
    sandbox,
    databaseUrl,
    rest: new Rest(api.url),
    worker,
    async close() {
      clearInterval(beating);
      await api.close();
      await pooler?.stop();
      await sandbox.close();
    },
  };
}

/** The played api and its worker, up before the first test of the file and gone after the last. */
export const usePlayedApi = (options: PlayedApiOptions): PlayedApi =>
  useStarted(() => startPlayedApi(options), 'rest', 'worker');
