import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { accountFor, freePort, hasDockerEngine, retryUntil, TestServerError } from './machine.js';
import { dockerEnvironment } from './postgres-server.js';
import { installRabbit, isRabbitInstalled, RABBITMQ_SCRIPT } from './rabbitmq-install.js';
import { makeServerFolder, superviseProcess } from './supervised-process.js';
import type { SupervisedProcess } from './supervised-process.js';

/** A RabbitMQ of this test run's own. */
export interface OwnRabbit {
  readonly url: string;
  readonly managementUrl: string;
  stop(): Promise<void>;
}

interface Ports {
  readonly amqp: number;
  readonly management: number;
}

const IMAGE = 'rabbitmq:4-management';

// epmd, which RabbitMQ would leave behind as a daemon, is ours: in this process group, on its own port.
const SERVE = `
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 &
exec "$2"
`;

const RUN_CONTAINER = `
exec docker run --rm --name "$1" -p "127.0.0.1:$2:5672" -p "127.0.0.1:$3:15672" "$4"
`;

/**
 * Starts a private RabbitMQ node (5 s) with its management plugin: from Debian's package, which root
 * installs where it and Docker are missing, else as a container.
 * @throws TestServerError when there is no way to one, or it does not start.
 */
export async function startOwnRabbit(): Promise<OwnRabbit> {
  const inContainer = !(await isRabbitInstalled()) && (await hasDockerEngine());
  if (!inContainer && !(await isRabbitInstalled())) await installRabbit();
  const ports = { amqp: await freePort(), management: await freePort() };
  const server = inContainer ? startContainer(ports) : await startNode(ports);
  const url = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
  const managementUrl = `http://guest:guest@127.0.0.1:${ports.management}`;
  try {
    await retryUntil(() => pingRabbit(url), inContainer ? 180_000 : 60_000, server.exited);
  } catch (cause) {
    await server.stop();
    throw new TestServerError(
      'TEST_SERVER_START_FAILED',
      `The tests' RabbitMQ did not start:\n${server.output()}`,
      'Set FLUX_TEST_AMQP_URL to use another one.',
      { cause },
    );
  }
  return { url, managementUrl, stop: () => server.stop() };
}

/** Resolves when the broker opens a channel; rejects with why not. */
export async function pingRabbit(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 5_000 });
  connection.on('error', () => undefined);
  try {
    await (await connection.createChannel()).close();
  } finally {
    await connection.close();
  }
}

async function startNode(ports: Ports): Promise<SupervisedProcess> {
  const account = await accountFor('rabbitmq');
  const folder = await makeServerFolder('rabbitmq', account);
  const [distribution, epmd] = [await freePort(), await freePort()];
  const files = {
    enabled_plugins: '[rabbitmq_management].\n',
    'rabbitmq.conf': [
      `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${ports.management}`,
      'log.console = true',
      'log.console.level = error',
      'log.file = false',
      // Alarms about a nearly full or small machine would block every publisher, and with it the tests.
      'disk_free_limit.absolute = 50MB',
      'vm_memory_high_watermark.relative = 0.8',
    ]
      .join('\n')
      .concat('\n'),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    if (account) await chown(join(folder, name), account.uid, account.gid);
  }
  return superviseProcess({
    script: SERVE,
    args: [folder, RABBITMQ_SCRIPT],
    account,
    env: nodeEnvironment(folder, distribution, epmd),
    stopSignal: 'KILL',
    cleanup: 'rm -rf "$1"',
  });
}

function nodeEnvironment(folder: string, distribution: number, epmd: number): Record<string, string> {
  return {
    HOME: folder,
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `flux-test-${distribution}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none.conf'),
    // With this the start script becomes the node instead of waiting for it, and the supervisor's signal hits.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_START_ARGS: '-noinput -start_epmd false',
    // An idle scheduler would spin on a core that the processes under test share.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  };
}

function startContainer(ports: Ports): SupervisedProcess {
  const name = `flux-test-rabbitmq-${process.pid}-${ports.amqp}`;
  return superviseProcess({
    script: RUN_CONTAINER,
    args: [name, String(ports.amqp), String(ports.management), IMAGE],
    env: dockerEnvironment(),
    stopSignal: 'TERM',
    cleanup: 'docker rm -f "$1"',
  });
}
