import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canInstall, installDebian } from './apt.js';
import { accountFor, freePort, run, TestServerError } from './machine.js';
import { pingPostgres } from './postgres-server.js';
import { makeServerFolder, superviseProcess, untilAnswering } from './supervised-process.js';

/** A PgBouncer in front of the tests' PostgreSQL. */
export interface OwnPgBouncer {
  /** The URL by which a database of that server is reached through it. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

const PATH = `${process.env.PATH}:/usr/sbin`;
const NEED = 'The tests need PgBouncer';
const HINT = 'Install it (apt-get install pgbouncer).';

/**
 * Starts one from Debian's package, which root installs where it is missing, with few connections to the server: so they are shared.
 * @throws TestServerError when there is no way to one, or it does not start.
 */
export async function startPgBouncer(mode: 'session' | 'transaction'): Promise<OwnPgBouncer> {
  const isInstalled = await run('pgbouncer', ['--version'], { env: { PATH } }).then(
    () => true,
    () => false,
  );
  if (!isInstalled) {
    if (!canInstall())
      throw new TestServerError('TEST_SERVER_MISSING', `${NEED}: it is not installed.`, HINT);
    await installDebian({ names: ['pgbouncer'], need: NEED, hint: HINT });
  }
  const server = new URL(process.env.FLUX_TEST_DATABASE_URL ?? '');
  const account = await accountFor('nobody');
  const folder = await makeServerFolder('pgbouncer', account);
  const port = await freePort();
  const password = server.password && ` password=${decodeURIComponent(server.password)}`;
  const config = join(folder, 'pgbouncer.ini');
  await writeFile(
    config,
    `[databases]
* = host=${server.hostname} port=${server.port || 5432} user=${server.username}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${mode === 'session' ? 30 : 8}
`,
  );
  const bouncer = superviseProcess({
    script: 'exec pgbouncer "$2"',
    args: [folder, config],
    ...(account && { account }),
    stopSignal: 'KILL',
    cleanup: 'rm -rf "$1"',
  });
  const through = (databaseUrl: string): string =>
    Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port: String(port) }).href;
  await untilAnswering(
    { server: bouncer, name: 'PgBouncer', variable: 'FLUX_TEST_DATABASE_URL', limitMs: 10_000 },
    () => pingPostgres(through(server.href)),
  );
  return { through, stop: () => bouncer.stop() };
}
