import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { accountFor, freePort, hasDockerEngine, TestServerError } from './machine.js';
import { withClient } from './sandbox-database.js';
import {
  makeServerFolder,
  superviseContainer,
  superviseProcess,
  untilAnswering,
  type SupervisedProcess,
} from './supervised-process.js';

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

/**
 * Starts a PostgreSQL of this test run's own from Debian's packages, else as a container.
 * @throws TestServerError when there is neither, or it does not start.
 */
export async function startOwnPostgres() {
  const bin = await debianBinaries();
  const port = await freePort();
  const server = bin ? await startBinaries(bin, port) : await startContainer(port);
  const databaseUrl = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const limitMs = bin ? 30_000 : 180_000;
  await untilAnswering({ server, name: 'PostgreSQL', variable: 'FLUX_TEST_DATABASE_URL', limitMs }, () =>
    pingPostgres(databaseUrl),
  );
  return { databaseUrl, stop: () => server.stop() };
}

/** Resolves when the server answers a query; rejects with why not. */
export async function pingPostgres(url: string): Promise<void> {
  await withClient({ connectionString: url, connectionTimeoutMillis: 5_000 }, (client) =>
    client.query('SELECT 1'),
  );
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
  const args = ['-p', `127.0.0.1:${port}:5432`, '-e', 'POSTGRES_HOST_AUTH_METHOD=trust', IMAGE];
  return superviseContainer(`postgres-${process.pid}-${port}`, ...args, ...SETTINGS);
}
