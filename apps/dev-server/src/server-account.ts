import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

const run = promisify(execFile);

/** The account a server process runs as. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` when this process is root, whom PostgreSQL refuses to run as; undefined: the present user will do. */
export async function serverAccount(): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'nobody']))).catch(
    (cause: unknown) => {
      throw new EmbeddedPostgresError(
        'DATABASE_NOT_AVAILABLE',
        'PostgreSQL does not run as root, and there is no account "nobody" to run it as',
        { hint: 'Start Flux as an ordinary user, or create the account "nobody".', cause },
      );
    },
  );
  const [uid, gid] = ids.map(({ stdout }) => Number(stdout)) as [number, number];
  return { uid, gid };
}

/**
 * Checks that `account` gets into `folder` through all the folders above.
 * @throws EmbeddedPostgresError `DATA_DIR_UNREACHABLE`, or `DATABASE_NOT_AVAILABLE` where root may not change accounts.
 */
export async function assertReachable(folder: string, account: ServerAccount): Promise<void> {
  const options = { ...account, cwd: '/' };
  await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], options).catch((cause: unknown) => {
    const refused = (cause as NodeJS.ErrnoException).code === 'EPERM';
    throw refused
      ? new EmbeddedPostgresError(
          'DATABASE_NOT_AVAILABLE',
          'PostgreSQL does not run as root, and this root may not start a process as "nobody"',
          { hint: 'Start Flux as an ordinary user, or grant the capabilities SETUID and SETGID.', cause },
        )
      : new EmbeddedPostgresError(
          'DATA_DIR_UNREACHABLE',
          `PostgreSQL, which as root runs as "nobody", cannot get into the data folder ${folder}`,
          { hint: 'Choose a folder that every user may enter with --data, such as /var/lib/flux.', cause },
        );
  });
}
