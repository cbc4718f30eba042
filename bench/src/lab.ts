import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { Client, Pool } from 'pg';
import type { QueryResultRow } from 'pg';
import { CHECKPOINT_PARTITIONS, createTopology } from '@flux/contracts';
import { ensureServers } from '@flux/tests';
import type { Defer } from './benchmark.js';
import { spawnNode } from './child.js';
import type { Child } from './child.js';

/** Real servers, and on them a database and a namespace of this run's own. */
export interface Lab {
  readonly namespace: string;
  readonly databaseUrl: string;
  readonly amqpUrl: string;
  readonly defer: Defer;
  /** The rows of a query in the run's database. */
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Starts `node ...args` with the settings of the run and those of `extra`; it ends with the benchmark. */
  spawn(args: readonly string[], extra?: Readonly<Record<string, string>>): Child;
}

/** The workflows of `bench/workflows`. */
export const BENCH_WORKFLOWS = [
  'bench_first_line',
  'bench_wait',
  'bench_one_task',
  'bench_sleeper',
  'bench_tasks',
  'bench_replay',
] as const;

/**
 * On the servers that FLUX_TEST_DATABASE_URL and FLUX_TEST_AMQP_URL name, else on its own, started as for the tests.
 * In the end every process of the lab is stopped, and its database, queues and exchanges are removed.
 * @throws TestServerError when a server cannot be had
 */
export async function openLab(defer: Defer): Promise<Lab> {
  const servers = await ensureServers();
  defer(() => servers.stop());
  const { databaseUrl: serverUrl, amqpUrl } = servers;
  const namespace = `flux_bench_${randomBytes(6).toString('hex')}`;
  const databaseUrl = await createDatabase(serverUrl, namespace, defer);
  defer(() => removeFromBroker(amqpUrl, namespace));
  const pool = new Pool({ connectionString: databaseUrl, max: 2 });
  defer(() => pool.end());
  const settings = {
    FLUX_DATABASE_URL: databaseUrl,
    FLUX_AMQP_URL: amqpUrl,
    FLUX_NAMESPACE: namespace,
    FLUX_LOG_LEVEL: 'warn',
  };
  return {
    namespace,
    databaseUrl,
    amqpUrl,
    defer,
    query: async <Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(sql, [...values])).rows,
    spawn: (args, extra = {}) => {
      const child = spawnNode(args, { ...settings, ...extra });
      defer(() => child.stop());
      return child;
    },
  };
}

/** @returns its url */
async function createDatabase(serverUrl: string, name: string, defer: Defer): Promise<string> {
  const onServer = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: serverUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await onServer(`CREATE DATABASE ${name}`);
  defer(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`));
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
}

/** Deleting what is not there is no error; what is exclusive has gone with its connection. */
async function removeFromBroker(url: string, namespace: string): Promise<void> {
  const topology = createTopology(namespace);
  const partitions = Array.from({ length: CHECKPOINT_PARTITIONS }, (_, index) => topology.checkpoints(index));
  const runs = BENCH_WORKFLOWS.flatMap((name) => [topology.run(name), topology.begun(name, null)]);
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    for (const { name } of [...runs, ...partitions, topology.requests, topology.deadLetters]) {
      await channel.deleteQueue(name);
    }
    await channel.deleteExchange(topology.updates.name);
  } finally {
    await connection.close();
  }
}
