import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { accountFor, freePort, hasDockerEngine, retryUntil, TestServerError } from './machine.js';
import { makeServerFolder, superviseProcess } from './supervised-process.js';
import type { SupervisedProcess } from './supervised-process.js';

/** A PostgreSQL of this test run's own. */
export interface OwnPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

const DEBIAN = '/usr/lib/postgresql';
const IMAGE = 'postgres:18';
// Everything as in production (fsync is on), but for room: each test file brings its own api.
const SETTINGS = ['-c', 'max_connections=300', '-c', 'fsync=on', '-c', 'synchronous_commit=on'];

const INIT_AND_SERVE = `
folder=$1 port=$2 bin=$3
shift 3
"$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale >"$folder/initdb.log" 2>&1 ||
  { cat "$folder/initdb.log" >&2; exit 1; }
exec "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= "$@"
`;

const RUN_CONTAINER = `
name=$1 port=$2 image=$3
shift 3
exec docker run --rm --name "$name" -p "127.0.0.1:$port:5432" -e POSTGRES_HOST_AUTH_METHOD=trust "$image" "$@"
`;

/**
 * Starts PostgreSQL from Debian's packages, else as a container.
 * @throws TestServerError when there is neither, or it does not start.
 */
export async function startOwnPostgres(): Promise<OwnPostgres> {
  const bin = await debianBinaries();
  const port = await freePort();
  const server = bin ? await startBinaries(bin, port) : await startContainer(port);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  try {
    await retryUntil(() => pingPostgres(url), bin ? 30_000 : 180_000, server.exited);
  } catch (cause) {
    await server.stop();
    throw new TestServerError(
      'TEST_SERVER_START_FAILED',
      `The tests' PostgreSQL did not start:\n${server.output()}`,
      'Set FLUX_TEST_DATABASE_URL to use another one.',
      { cause },
    );
  }
  return { url, stop: () => server.stop() };
}

/** Resolves when the server answers a query; rejects with why not. */
export async function pingPostgres(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}

/** The newest version's folder. */
async function debianBinaries(): Promise<string | undefined> {
  const versions = (await readdir(DEBIAN).catch(() => [])).map(Number).filter((version) => version > 0);
  return versions.length > 0 ? join(DEBIAN, String(Math.max(...versions)), 'bin') : undefined;
}

async function startBinaries(bin: string, port: number): Promise<SupervisedProcess> {
  const account = await accountFor('postgres');
  const folder = await makeServerFolder('postgres', account);
  return superviseProcess({
    script: INIT_AND_SERVE,
    args: [folder, String(port), bin, ...SETTINGS],
    account,
    stopSignal: 'INT',
    cleanup: 'rm -rf "$1"',
  });
}

async function startContainer(port: number): Promise<SupervisedProcess> {
  if (!(await hasDockerEngine())) {
    throw new TestServerError(
      'TEST_SERVER_MISSING',
      `The tests need PostgreSQL: none below ${DEBIAN}, and no Docker engine answers.`,
      'Install it (apt-get install postgresql), start Docker, or set FLUX_TEST_DATABASE_URL.',
    );
  }
  return superviseProcess({
    script: RUN_CONTAINER,
    args: [`flux-test-postgres-${process.pid}-${port}`, String(port), IMAGE, ...SETTINGS],
    env: dockerEnvironment(),
    stopSignal: 'TERM',
    cleanup: 'docker rm -f "$1"',
  });
}

/** What the docker client needs to find its engine. */
export function dockerEnvironment(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) => name === 'HOME' || name.startsWith('DOCKER_'));
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}
