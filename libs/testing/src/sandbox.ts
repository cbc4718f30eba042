import { randomBytes } from 'node:crypto';
import { BrokerAdmin } from './broker-admin.js';
import { spawnNode, type FluxProcess } from './flux-process.js';
import { freePort, TestServerError } from './machine.js';
import { FLUX } from './places.js';
import { findSurvivors } from './processes.js';
import { SandboxDatabase } from './sandbox-database.js';

/** A test file's own part of the servers. */
export interface Sandbox {
  /** Prefix of every queue and exchange; letters, digits and underscores. */
  readonly namespace: string;
  readonly databaseUrl: string;
  readonly amqpUrl: string;
  /** FLUX_DATABASE_URL, FLUX_AMQP_URL, FLUX_NAMESPACE and FLUX_LOG_LEVEL for what runs in it. */
  readonly env: Readonly<Record<string, string>>;
  /** The rows of a query in the sandbox's database. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  /** Starts `flux ...args`; `extraEnv` goes on top of `env`, an undefined value removes one. */
  spawnFlux(args: readonly string[], extraEnv?: NodeJS.ProcessEnv): FluxProcess;
  /** Starts `node ...args` likewise. */
  spawnNode(args: readonly string[], extraEnv?: NodeJS.ProcessEnv): FluxProcess;
  freePort(): Promise<number>;
  /**
   * Stops its processes, removes its queues, exchanges and database.
   * @throws SandboxLeakError after all is removed, when something had not ended by itself.
   */
  close(): Promise<void>;
}

/** The leaks of a test file; everything named here has been killed or removed. */
export class SandboxLeakError extends Error {
  override readonly name = 'SandboxLeakError';
  readonly code = 'SANDBOX_LEAK';
  readonly hint = 'Close in the test what the test opened, or fix the process that does not end.';

  constructor(readonly leaks: readonly string[]) {
    super(`the sandbox leaks:\n${leaks.map((leak) => `- ${leak}`).join('\n')}`);
  }
}

export interface SandboxOptions {
  /** How long `close` lets a process end on SIGTERM; 30 s unless given. */
  readonly stopTimeoutMs?: number;
  /** How long `close` lets servers and the system take note of what has ended; 10 s unless given. */
  readonly settleMs?: number;
}

/** A fresh database and namespace on the servers that the run's global setup provides (100 ms). */
export async function createSandbox({
  stopTimeoutMs = 30_000,
  settleMs = 10_000,
}: SandboxOptions = {}): Promise<Sandbox> {
  const { FLUX_TEST_DATABASE_URL: databaseServer, FLUX_TEST_AMQP_URL: amqpUrl } = process.env;
  if (!databaseServer || !amqpUrl) {
    throw new TestServerError(
      'TEST_SERVER_MISSING',
      'There are no test servers in the environment.',
      'Run through jest (node scripts/test.mjs --selectProjects integration), or call ensureServers first.',
    );
  }
  const namespace = `flux_test_${randomBytes(6).toString('hex')}`;
  const database = await SandboxDatabase.create(databaseServer, namespace);
  const broker = new BrokerAdmin(amqpUrl, process.env.FLUX_TEST_AMQP_MANAGEMENT_URL || undefined);
  const env = {
    FLUX_DATABASE_URL: database.url,
    FLUX_AMQP_URL: amqpUrl,
    FLUX_NAMESPACE: namespace,
    FLUX_LOG_LEVEL: 'warn',
  };
  const processes: FluxProcess[] = [];
  const start = (args: readonly string[], extraEnv: NodeJS.ProcessEnv = {}): FluxProcess => {
    const child = spawnNode(args, { ...env, ...extraEnv });
    processes.push(child);
    return child;
  };
  const close = async (): Promise<void> => {
    const leaks = await endProcesses(processes, stopTimeoutMs);
    leaks.push(...(await endSurvivors(namespace, settleMs)));
    leaks.push(...(await broker.removeAll(namespace, settleMs)), ...(await database.drop(settleMs)));
    if (leaks.length > 0) throw new SandboxLeakError(leaks);
  };
  let closed: Promise<void> | undefined;
  return {
    namespace,
    databaseUrl: database.url,
    amqpUrl,
    env,
    query: (sql, params) => database.query(sql, params),
    spawnFlux: (args, extraEnv) => start([FLUX, ...args], extraEnv),
    spawnNode: start,
    freePort,
    close: () => (closed ??= close()),
  };
}

async function endProcesses(processes: readonly FluxProcess[], stopTimeoutMs: number): Promise<string[]> {
  const leaks: string[] = [];
  const end = async (child: FluxProcess): Promise<void> => {
    try {
      await child.stop('SIGTERM', stopTimeoutMs);
    } catch (error) {
      await child.kill();
      leaks.push(`process had to be killed: ${(error as Error).message.trimEnd()}`);
    }
  };
  // Workers end first, as an operator would have it: they wait for the api's answer to their goodbye.
  const running = processes.filter((child) => child.isRunning);
  const isWorker = ({ title }: FluxProcess): boolean => title.includes(' start worker ');
  await Promise.all(running.filter(isWorker).map(end));
  await Promise.all(running.filter((child) => !isWorker(child)).map(end));
  return leaks;
}

async function endSurvivors(namespace: string, settleMs: number): Promise<string[]> {
  const leaks: string[] = [];
  for (const { pid, command } of await findSurvivors(`FLUX_NAMESPACE=${namespace}`, settleMs)) {
    leaks.push(`process ${pid} outlived its parent: ${command}`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return leaks;
}
