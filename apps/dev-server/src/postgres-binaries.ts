import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** PostgreSQL's programs, where the account that runs them can reach them. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, such as `18`; a cluster of another major version cannot be opened. */
  readonly majorVersion: string;
}

const STAGED = 'postgresql-';

/**
 * Lays the npm package's PostgreSQL into `dataDir` (hard links where it can: some 40 ms and no space), once a
 * version. There, unlike in `node_modules`, every account can reach it, and its symbolic links, which npm
 * cannot carry, may be made. To be called under the data folder's lock; older versions are removed.
 */
export async function stageBinaries(dataDir: string): Promise<PostgresBinaries> {
  const source = locatePackage();
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  const name = `${STAGED}${version}`;
  const target = join(dataDir, name);
  const present = (await readdir(dataDir)).filter((entry) => entry.startsWith(STAGED));
  if (!present.includes(name)) {
    const unfinished = `${target}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await stageFolder(join(source, 'native'), unfinished);
    await makeSymbolicLinks(source, unfinished);
    await rename(unfinished, target);
  }
  const outdated = present.filter((entry) => entry !== name);
  await Promise.all(outdated.map((entry) => rm(join(dataDir, entry), { recursive: true, force: true })));
  return {
    initdb: join(target, 'bin', 'initdb'),
    postgres: join(target, 'bin', 'postgres'),
    majorVersion: version.split('.')[0] ?? version,
  };
}

/** The folder of the package that holds this platform's binaries: a dependency of `embedded-postgres`, not ours. */
function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'DATABASE_NOT_AVAILABLE',
      `There is no embedded PostgreSQL for this platform (package ${name})`,
      {
        hint: 'Install the optional dependencies (pnpm install), or set FLUX_DATABASE_URL to a PostgreSQL of your own.',
        cause,
      },
    );
  }
}

async function stageFolder(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await chmod(target, 0o755);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) await stageFolder(from, to);
    // Static libraries are for who compiles against PostgreSQL.
    else if (entry.isFile() && !entry.name.endsWith('.a')) await stageFile(from, to);
  }
}

async function stageFile(from: string, to: string): Promise<void> {
  const { mode } = await stat(from);
  const wanted = mode & 0o100 ? 0o755 : 0o644;
  if ((mode & wanted) === wanted) {
    const linked = await link(from, to).then(
      () => true,
      () => false,
    );
    if (linked) return;
  }
  await copyFile(from, to);
  await chmod(to, wanted);
}

/** Does what the platform package's postinstall script would do, which pnpm does not run. */
async function makeSymbolicLinks(source: string, target: string): Promise<void> {
  const list = await readFile(join(source, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const entry of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(target, relative('native', entry.target));
    await symlink(basename(entry.source), path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}
