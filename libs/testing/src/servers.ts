import { pingPostgres, startOwnPostgres } from './postgres-server.js';
import { pingRabbit, startOwnRabbit } from './rabbitmq-server.js';
import { TestServerError } from './machine.js';
import { BrokerAdmin } from './broker-admin.js';

/** PostgreSQL and RabbitMQ that answered a moment ago. */
export interface TestServers {
  readonly databaseUrl: string;
  readonly amqpUrl: string;
  /** Undefined: a broker named by the environment without its management plugin. */
  readonly managementUrl: string | undefined;
  /** Ends what `ensureServers` started and removes its files; servers named by the environment stay. */
  stop(): Promise<void>;
}

type Database = Pick<TestServers, 'databaseUrl' | 'stop'>;
type Broker = Pick<TestServers, 'amqpUrl' | 'managementUrl' | 'stop'>;

/**
 * The servers named by FLUX_TEST_DATABASE_URL and FLUX_TEST_AMQP_URL, else new ones on free ports (5 s),
 * which end with this process however it ends. From then on these variables, which sandboxes read, name them.
 * @throws TestServerError when one cannot be had; then nothing is left running.
 */
export async function ensureServers(): Promise<TestServers> {
  const results = await Promise.allSettled([ensureDatabase(), ensureBroker()] as const);
  const [database, broker] = results;
  if (database.status === 'fulfilled' && broker.status === 'fulfilled') {
    const stop = async (): Promise<void> => {
      await Promise.all([database.value.stop(), broker.value.stop()]);
    };
    const servers = { ...database.value, ...broker.value, stop };
    process.env.FLUX_TEST_DATABASE_URL = servers.databaseUrl;
    process.env.FLUX_TEST_AMQP_URL = servers.amqpUrl;
    process.env.FLUX_TEST_AMQP_MANAGEMENT_URL = servers.managementUrl ?? '';
    return servers;
  }
  const messages: string[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') await result.value.stop();
    else messages.push(result.reason instanceof Error ? result.reason.message : String(result.reason));
  }
  throw new TestServerError(
    'TEST_SERVER_MISSING',
    messages.join('\n'),
    'These tests run on real servers only; none is skipped. See tests/README.md.',
  );
}

async function ensureDatabase(): Promise<Database> {
  const databaseUrl = process.env.FLUX_TEST_DATABASE_URL;
  if (databaseUrl) {
    await pingPostgres(databaseUrl).catch(unreachable('FLUX_TEST_DATABASE_URL', databaseUrl));
    return { databaseUrl, stop: async () => undefined };
  }
  return startOwnPostgres();
}

async function ensureBroker(): Promise<Broker> {
  const amqpUrl = process.env.FLUX_TEST_AMQP_URL;
  if (!amqpUrl) return startOwnRabbit();
  await pingRabbit(amqpUrl).catch(unreachable('FLUX_TEST_AMQP_URL', amqpUrl));
  const managementUrl = process.env.FLUX_TEST_AMQP_MANAGEMENT_URL ?? usualManagementUrl(amqpUrl);
  const managed = await new BrokerAdmin(amqpUrl, managementUrl).isReachable();
  if (!managed) {
    process.stderr.write(
      "flux tests: the broker's management API does not answer, so queues of these tests stay on it " +
        'and are not checked for leaks (FLUX_TEST_AMQP_MANAGEMENT_URL names it)\n',
    );
  }
  return { amqpUrl, managementUrl: managed ? managementUrl : undefined, stop: async () => undefined };
}

function usualManagementUrl(amqpUrl: string): string {
  const { username, password, hostname } = new URL(amqpUrl);
  return `http://${username || 'guest'}:${password || 'guest'}@${hostname}:15672`;
}

function unreachable(variable: string, url: string): (cause: unknown) => never {
  return (cause) => {
    const { host } = new URL(url);
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new TestServerError(
      'TEST_SERVER_UNREACHABLE',
      `${variable} names ${host}, which does not answer: ${reason}`,
      `Start it, or unset ${variable}: then the tests start their own.`,
      { cause },
    );
  };
}
