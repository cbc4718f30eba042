import { fileURLToPath } from 'node:url';
import { createSandbox, type FluxProcess, type Sandbox } from '@flux/testing';
import { Rest } from './rest.js';

/**
 * A folder of workflows below `tests/`, as the build compiled it: a worker that need not load a TypeScript compiler
 * starts with a quarter less. That workers take sources, the tests of examples and of loading show.
 */
export const builtWorkflows = (folder: string): string =>
  fileURLToPath(new URL(`../../dist/${folder}`, import.meta.url));

export const TEST_WORKFLOWS = builtWorkflows('workflows');

/** Generous: a shared machine may be slow, and a test that waits for an event ends as soon as it comes. */
export const PATIENCE_MS = 60_000;

export interface Server {
  readonly process: FluxProcess;
  readonly url: string;
  readonly rest: Rest;
}

/** The output of a command, and how it ended. */
interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Real api and worker processes on the run's PostgreSQL and RabbitMQ, in a sandbox of their own. */
export interface Deployment {
  readonly sandbox: Sandbox;
  /** The first api replica. */
  readonly rest: Rest;
  readonly url: string;
  readonly server: FluxProcess;
  /** The worker that was started last. */
  readonly worker: FluxProcess;
  /** The number of rows of a table; `from` is its name and perhaps a WHERE. */
  count(from: string, params?: readonly unknown[]): Promise<number>;
  /** Runs a flux command against the first api to its end. */
  cli(...args: string[]): Promise<Ran>;
  startServer(extraEnv?: NodeJS.ProcessEnv): Promise<Server>;
  startWorker(name: string, extraEnv?: NodeJS.ProcessEnv): Promise<FluxProcess>;
  close(): Promise<void>;
}

export interface DeployOptions {
  /** The folder whose workflows the workers load; the tests' own unless given. */
  readonly workflows?: string;
  /** How long a process may take to be ready; {@link PATIENCE_MS} unless given. */
  readonly startMs?: number;
  /** Where Flux reaches the server of its database, if not where the tests do. */
  readonly databaseUrl?: string | undefined;
}

/** The database of a sandbox, at another address. */
function databaseAt(url: string | undefined, { databaseUrl }: Sandbox): NodeJS.ProcessEnv {
  if (url === undefined) return {};
  return { FLUX_DATABASE_URL: Object.assign(new URL(url), { pathname: new URL(databaseUrl).pathname }).href };
}

/** Starts one api and the named workers; `env` is for all of them. */
export async function deploy(
  workers: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { workflows = TEST_WORKFLOWS, startMs = PATIENCE_MS, databaseUrl }: DeployOptions = {},
): Promise<Deployment> {
  const sandbox = await createSandbox();
  // A runner more doubles what the start of a worker costs, and few tests need one.
  const all = { FLUX_WORKER_RUNNERS: '1', ...env, ...databaseAt(databaseUrl, sandbox) };
  let lastWorker!: FluxProcess;
  const startServer = async (extraEnv: NodeJS.ProcessEnv = {}): Promise<Server> => {
    const server = sandbox.spawnFlux(['start', 'server', '--port', '0'], { ...all, ...extraEnv });
    const [, url = ''] = await server.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/, startMs);
    return { process: server, url, rest: new Rest(url) };
  };
  const startWorker = async (name: string, extraEnv: NodeJS.ProcessEnv = {}): Promise<FluxProcess> => {
    const args = ['start', 'worker', name, '--workflows', workflows];
    const worker = sandbox.spawnFlux(args, { ...all, ...extraEnv });
    await worker.waitFor(/ready/i, startMs);
    lastWorker = worker;
    return worker;
  };
  try {
    const first = await startServer();
    await Promise.all(workers.map((name) => startWorker(name)));
    return {
      sandbox,
      rest: first.rest,
      url: first.url,
      server: first.process,
      get worker() {
        return lastWorker;
      },
      count: async (from, params) => {
        const rows = await sandbox.query<{ count: number }>(`SELECT count(*)::int FROM ${from}`, params);
        return rows[0]?.count ?? NaN;
      },
      cli: async (...args) => {
        const child = sandbox.spawnFlux(args, { FLUX_SERVER_URL: first.url });
        const { code } = await child.exited;
        return { code, stdout: child.stdout, stderr: child.stderr };
      },
      startServer,
      startWorker,
      close: () => sandbox.close(),
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}
