import { access, rm, writeFile } from 'node:fs/promises';
import { run, TestServerError } from './machine.js';

/** Debian's start script without the wrapper, which insists on its own log folder. */
export const RABBITMQ_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

const POLICY = '/usr/sbin/policy-rc.d';

export async function isRabbitInstalled(): Promise<boolean> {
  return exists(RABBITMQ_SCRIPT);
}

/**
 * Installs Debian's rabbitmq-server (as root; 10 s and more) without letting its service start.
 * @throws TestServerError when this is not root on Debian, or apt fails.
 */
export async function installRabbit(): Promise<void> {
  if (process.getuid?.() !== 0 || !(await exists('/usr/bin/apt-get'))) {
    throw new TestServerError(
      'TEST_SERVER_MISSING',
      'The tests need RabbitMQ: it is not installed, and no Docker engine answers.',
      'Install it (apt-get install rabbitmq-server), start Docker, or set FLUX_TEST_AMQP_URL.',
    );
  }
  process.stderr.write('flux tests: installing rabbitmq-server …\n');
  // Debian's services start with their installation, unless this file says no.
  const forbid = !(await exists(POLICY));
  if (forbid) await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, maxBuffer: 64 * 1024 * 1024, timeout: 300_000 };
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'rabbitmq-server'], options);
  } catch (cause) {
    throw new TestServerError(
      'TEST_SERVER_MISSING',
      `The tests need RabbitMQ, and installing it failed: ${(cause as Error).message}`,
      'Install it by hand (apt-get install rabbitmq-server), or set FLUX_TEST_AMQP_URL.',
      { cause },
    );
  } finally {
    if (forbid) await rm(POLICY, { force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
