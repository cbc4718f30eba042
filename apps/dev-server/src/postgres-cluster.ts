import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import type { ServerAccount } from './server-account.js';
import { superviseProcess } from './supervised-process.js';

/** PostgreSQL's data on disk, and with what it is opened. */
export interface Cluster {
  readonly folder: string;
  readonly password: string;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
}

/** The cluster's only database user. */
export const DATABASE_USER = 'flux';

/** The encoding and the locale of the cluster, whatever the machine has. */
const PLAIN = ['-E', 'UTF8', '--no-locale', '--no-instructions'];

/**
 * Opens the cluster in `home`, which is made first where there is none (some 500 ms).
 * @throws EmbeddedPostgresError when the data is another major version's or its password is lost.
 */
export async function prepareCluster(
  home: string,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<Cluster> {
  const folder = join(home, 'postgres');
  const initialised = await isInitialised(folder, binaries);
  const passwordFile = join(home, 'postgres.password');
  const password = await readOrMakePassword(passwordFile, account, initialised);
  const cluster = { folder, password, binaries, account };
  if (!initialised) await initialise(home, cluster, passwordFile);
  return cluster;
}

async function isInitialised(folder: string, binaries: PostgresBinaries): Promise<boolean> {
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  });
  if (version === undefined) return false;
  if (version.trim() === binaries.majorVersion) return true;
  throw new EmbeddedPostgresError(
    'DATA_DIR_VERSION_MISMATCH',
    `${folder} was written by PostgreSQL ${version.trim()}; this Flux brings PostgreSQL ${binaries.majorVersion}`,
    { hint: 'Use the Flux that wrote it to export the data, or begin with a new folder (--data).' },
  );
}

async function readOrMakePassword(
  file: string,
  account: ServerAccount | undefined,
  initialised: boolean,
): Promise<string> {
  const known = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (known !== '') return known;
  if (initialised) {
    throw new EmbeddedPostgresError(
      'DATA_DIR_PASSWORD_MISSING',
      `The database's password, kept in ${file}, is missing`,
      { hint: 'Restore that file, or begin with a new folder (--data).' },
    );
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600 });
  if (account) await chown(`${file}.new`, account.uid, account.gid);
  await rename(`${file}.new`, file);
  return password;
}

/** Made beside its place and moved there when complete: a kill half way leaves nothing that looks usable. */
async function initialise(home: string, cluster: Cluster, passwordFile: string): Promise<void> {
  const unfinished = (await readdir(home)).filter((name) => name.startsWith('postgres.unfinished-'));
  await Promise.all(unfinished.map((name) => rm(join(home, name), { recursive: true, force: true })));
  const folder = join(home, `postgres.unfinished-${randomBytes(4).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 });
  if (cluster.account) await chown(folder, cluster.account.uid, cluster.account.gid);
  const output: string[] = [];
  const { exited } = superviseProcess({
    command: cluster.binaries.initdb,
    args: ['-D', folder, '-U', DATABASE_USER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`].concat(
      PLAIN,
    ),
    account: cluster.account,
    onLine: (line) => output.push(line),
  });
  if ((await exited) !== 0) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`initdb failed: ${output.slice(-8).join('\n')}`);
  }
  await rename(folder, cluster.folder);
}
