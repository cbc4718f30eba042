import { existsSync } from 'node:fs';
import { canInstall, installDebian } from './apt.js';
import { TestServerError } from './machine.js';

/** Debian's start script without the wrapper, which insists on its own log folder. */
export const RABBITMQ_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export const isRabbitInstalled = (): boolean => existsSync(RABBITMQ_SCRIPT);

/**
 * Installs Debian's rabbitmq-server (as root; 10 s and more) without letting its service start.
 * @throws TestServerError when this is not root on Debian, or apt fails.
 */
export async function installRabbit(): Promise<void> {
  if (!canInstall()) {
    throw new TestServerError(
      'TEST_SERVER_MISSING',
      'The tests need RabbitMQ: it is not installed, and no Docker engine answers.',
      'Install it (apt-get install rabbitmq-server), start Docker, or set FLUX_TEST_AMQP_URL.',
    );
  }
  await installDebian({
    names: ['rabbitmq-server'],
    need: 'The tests need RabbitMQ',
    hint: 'Install it by hand (apt-get install rabbitmq-server), or set FLUX_TEST_AMQP_URL.',
  });
}
