import { access } from 'node:fs/promises';
import { run, TestServerError } from './machine.js';

export interface DebianPackages {
  readonly names: readonly string[];
  /** What the tests need them for, as a sentence begins: `The tests need RabbitMQ`. */
  readonly need: string;
  readonly hint: string;
}

/** Whether this process may install packages of Debian: it is root and there is apt. */
export async function canInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && (await exists('/usr/bin/apt-get'));
}

/**
 * Installs packages of Debian.
 * @throws TestServerError when apt fails.
 */
export async function installDebian({ names, need, hint }: DebianPackages): Promise<void> {
  process.stderr.write(`flux tests: installing ${names.join(' and ')} …\n`);
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 };
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...names], options);
  } catch (cause) {
    const message = `${need}, and installing it failed: ${(cause as Error).message}`;
    throw new TestServerError('TEST_SERVER_MISSING', message, hint, { cause });
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
