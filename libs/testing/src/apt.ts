import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { run, TestServerError } from './machine.js';

export interface DebianPackages {
  readonly names: readonly string[];
  /** The need for the packages, as a sentence begins: `The tests need RabbitMQ`. */
  readonly need: string;
  readonly hint: string;
}

/** Whether this process may install packages of Debian: it is root and there is apt. */
export const canInstall = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

/** Debian's services start with their installation, unless this file says no. */
const POLICY = '/usr/sbin/policy-rc.d';

/**
 * Installs packages of Debian without letting a service of theirs start.
 * @throws TestServerError when apt fails.
 */
export async function installDebian({ names, need, hint }: DebianPackages): Promise<void> {
  process.stderr.write(`flux tests: installing ${names.join(' and ')} …\n`);
  const forbid = !existsSync(POLICY);
  if (forbid) await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 };
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...names], options);
  } catch (cause) {
    const message = `${need}, and installing it failed: ${(cause as Error).message}`;
    throw new TestServerError('TEST_SERVER_MISSING', message, hint, { cause });
  } finally {
    if (forbid) await rm(POLICY, { force: true });
  }
}
