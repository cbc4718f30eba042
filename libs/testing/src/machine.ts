import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** Thrown when the tests' servers cannot be had; `hint` says what to do. */
export class TestServerError extends Error {
  override readonly name = 'TestServerError';

  constructor(
    readonly code: 'TEST_SERVER_UNREACHABLE' | 'TEST_SERVER_MISSING' | 'TEST_SERVER_START_FAILED',
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(`${message}\n${hint}`, options);
  }
}

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago; rejects when somebody listens on `wanted`. */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(wanted, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Whether a Docker engine, and not only its client, answers. */
export async function hasDockerEngine(): Promise<boolean> {
  return run('docker', ['info'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/** The account a server runs as; undefined: the present one. */
export type Account = { readonly uid: number; readonly gid: number } | undefined;

/** The account named, when this process is root and has to step down for a server. */
export async function accountFor(user: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, user])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}
