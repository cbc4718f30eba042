import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Account } from './supervised-process.js';

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

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
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

/** The account named, when this process is root and has to step down for a server. */
export async function accountFor(user: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, user])).stdout)),
  );
  return { uid: uid as number, gid: gid as number };
}

/**
 * Repeats `attempt` until it succeeds.
 * @throws its last error after `milliseconds`, or once `given up` resolves.
 */
export async function retryUntil<T>(
  attempt: () => Promise<T>,
  milliseconds: number,
  givenUp: Promise<unknown> = new Promise(() => undefined),
): Promise<T> {
  const deadline = Date.now() + milliseconds;
  let over = false;
  void givenUp.then(() => (over = true));
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (over || Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
