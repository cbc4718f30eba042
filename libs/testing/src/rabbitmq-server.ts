import { execFile } from 'node:child_process';
import { connect } from 'amqplib';
import { chown, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { accountFor, freePort, hasDockerEngine } from './machine.js';
import { installRabbit, isRabbitInstalled, RABBITMQ_SCRIPT } from './rabbitmq-install.js';
import {
  makeServerFolder,
  superviseContainer,
  superviseProcess,
  untilAnswering,
  type SupervisedProcess,
} from './supervised-process.js';

interface Node {
  readonly server: SupervisedProcess;
  /** Runs `rabbitmqctl` on the node, which takes some 2 s; rejects when that fails. */
  ctl(...args: string[]): Promise<void>;
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

/**
 * Starts a private RabbitMQ node (5 s) with its management plugin: from Debian's package, which root
 * installs where it and Docker are missing, else as a container.
 * @param settings further lines of `rabbitmq.conf`
 * @throws TestServerError when there is no way to one, or it does not start.
 */
export async function startOwnRabbit(settings: readonly string[] = []) {
  const inContainer = !isRabbitInstalled() && (await hasDockerEngine());
  if (!inContainer && !isRabbitInstalled()) await installRabbit();
  const ports = { amqp: await freePort(), management: await freePort() };
  const { server, ctl } = inContainer ? startContainer(ports) : await startNode(ports, settings);
  const amqpUrl = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
  const managementUrl = `http://guest:guest@127.0.0.1:${ports.management}`;
  const limitMs = inContainer ? 180_000 : 60_000;
  await untilAnswering({ server, name: 'RabbitMQ', variable: 'FLUX_TEST_AMQP_URL', limitMs }, () =>
    pingRabbit(amqpUrl),
  );
  return { amqpUrl, managementUrl, ctl, stop: () => server.stop() };
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

async function startNode(ports: Ports, settings: readonly string[]): Promise<Node> {
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
      ...settings,
      '',
    ].join('\n'),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    if (account) await chown(join(folder, name), account.uid, account.gid);
  }
  const env = nodeEnvironment(folder, distribution, epmd);
  const ctl = async (...args: string[]): Promise<void> => {
    const script = join(dirname(RABBITMQ_SCRIPT), 'rabbitmqctl');
    await promisify(execFile)(script, args, { env: { ...process.env, ...env }, ...account });
  };
  const server = superviseProcess({
    script: SERVE,
    args: [folder, RABBITMQ_SCRIPT],
    account,
    env,
    stopSignal: 'KILL',
    cleanup: 'rm -rf "$1"',
  });
  return { server, ctl };
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
    // The variable has the start script become the node instead of waiting for it, and the supervisor's signal hits.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_START_ARGS: '-noinput -start_epmd false',
    // An idle scheduler would spin on a core that the processes under test share.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
  };
}

function startContainer({ amqp, management }: Ports): Node {
  const published = ['-p', `127.0.0.1:${amqp}:5672`, '-p', `127.0.0.1:${management}:15672`];
  const name = `rabbitmq-${process.pid}-${amqp}`;
  const ctl = async (...args: string[]): Promise<void> => {
    await promisify(execFile)('docker', ['exec', `flux-test-${name}`, 'rabbitmqctl', ...args]);
  };
  return { server: superviseContainer(name, ...published, IMAGE), ctl };
}
