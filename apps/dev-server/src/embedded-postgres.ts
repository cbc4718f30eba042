import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { lockDataDir } from './data-dir-lock.js';
import { toEmbeddedPostgresError } from './embedded-postgres-error.js';
import { stopLeftoverServer } from './leftover-server.js';
import { stageBinaries } from './postgres-binaries.js';
import { DATABASE_USER, prepareCluster } from './postgres-cluster.js';
import { startServer } from './postgres-server.js';
import { assertReachable, serverAccount, type ServerAccount } from './server-account.js';

export interface EmbeddedPostgresOptions {
  /** Made if it is not there. Holds the cluster, the password and PostgreSQL's programs. */
  readonly dataDir: string;
  /** Each line PostgreSQL writes. */
  readonly log?: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** The URL of the database `flux`, password included. */
  readonly url: string;
  /** Fast shutdown; resolves when the server's processes are gone and the folder is free again. */
  stop(): Promise<void>;
}

const DATABASE = 'flux';

/**
 * The folder in which the embedded mode keeps its data unless told: `.flux` here, as root a place that `nobody` can
 * reach.
 */
export function defaultDataDir(): string {
  if (process.getuid?.() !== 0) return resolve('.flux');
  try {
    accessSync('/var/lib', constants.W_OK);
    return '/var/lib/flux';
  } catch {
    return join(tmpdir(), 'flux');
  }
}

/**
 * Starts a real PostgreSQL on a loopback port with its data in `dataDir`; what was committed survives any
 * kill. A server that a killed process left there is stopped first, and this one never outlives its process.
 * @throws EmbeddedPostgresError with code and hint; then nothing is left running.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(resolve(options.dataDir), options.log ?? (() => undefined));
  } catch (error) {
    throw toEmbeddedPostgresError(error, options.dataDir);
  }
}

async function start(dataDir: string, log: (line: string) => void): Promise<EmbeddedPostgres> {
  const account = await serverAccount();
  const home = await prepareDataDir(dataDir, account);
  const unlock = await lockDataDir(home);
  try {
    await stopLeftoverServer(join(home, 'postgres'), log);
    const binaries = await stageBinaries(home);
    const cluster = await prepareCluster(home, binaries, account);
    const server = await startServer(cluster, log);
    const shutDown = async (): Promise<void> => {
      await server.process.stop();
      await unlock();
    };
    const urlOf = (database: string): string =>
      `postgres://${DATABASE_USER}:${cluster.password}@127.0.0.1:${server.port}/${database}`;
    await withClient(urlOf('postgres'), createDatabase).catch(async (error: unknown) => {
      await server.process.stop();
      throw error;
    });
    let stopped: Promise<void> | undefined;
    return {
      url: urlOf(DATABASE),
      stop: () => (stopped ??= shutDown()),
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function prepareDataDir(dataDir: string, account: ServerAccount | undefined): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const home = await realpath(dataDir);
  if (account === undefined) return home;
  // A folder with other things in it is not ours to open up.
  if ((await readdir(home)).length === 0) await chmod(home, 0o711);
  await assertReachable(home, account);
  return home;
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
}

/** Runs `work` on a connection of its own. */
export async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
