import { describe, expect, it } from '@jest/globals';
import { createLogger, embeddedApiSettings, startApi } from '@flux/api';
import { connectDatabase, PostgresDatabase } from '@flux/api/testing';
import { createMemoryBroker } from '@flux/messaging';
import { until } from '@flux/testing';
import { usePlayedApi } from './support/played-api.js';
import { finished, taskCompleted } from './support/played-worker.js';

/** The api behind a real PgBouncer. */

describe.each(['session', 'transaction'] as const)('a PgBouncer in %s mode', (mode) => {
  const broker = createMemoryBroker();
  const log: string[] = [];
  const logger = createLogger('warn', { write: (line) => log.push(line) });
  const played = usePlayedApi({ namespace: mode, broker, pooler: mode, logger });
  const { rest, worker } = played;

  /** Connects the api's database as `kind`, and uses it. */
  async function withDatabase<T>(
    kind: 'as found' | 'as session',
    use: (database: PostgresDatabase) => Promise<T>,
  ): Promise<T> {
    const connected = await connectDatabase(played.databaseUrl);
    const database = new PostgresDatabase(
      kind === 'as found' ? connected : { ...connected, pooling: 'session' },
    );
    try {
      return await use(database);
    } finally {
      await database.close();
    }
  }

  it('serves lists, starts, claims, checkpoints and cancels at once', async () => {
    const executions = await Promise.all(Array.from({ length: 30 }, () => rest.start('plain', {})));
    const lists = Array.from({ length: 60 }, (_, index) =>
      rest.request('GET', `/executions?limit=${1 + index}${index % 2 === 0 ? '&state=SCHEDULED' : ''}`),
    );
    const run = async (index: number): Promise<string> => {
      const execution = executions[index]!;
      if (index % 3 === 0) await rest.cancel(execution);
      else {
        const grant = await worker.claim(execution);
        await worker.checkpoint(grant, [taskCompleted('a#0', index)]);
        await worker.checkpoint(grant, [finished('completed', false)]);
      }
      return (await rest.end(execution)).state;
    };
    const states = await Promise.all(executions.map((_, index) => run(index)));
    expect(states).toEqual(executions.map((_, index) => (index % 3 === 0 ? 'CANCELLED' : 'COMPLETED')));
    expect((await Promise.all(lists)).map(({ status }) => status)).toEqual(lists.map(() => 200));
    expect(broker.deadLetters()).toEqual([]);
  }, 60_000);

  it('lets servers that start together bring the schema up to date in turns', async () => {
    const settings = {
      ...embeddedApiSettings.parse({ FLUX_PORT: '0', FLUX_LOG_LEVEL: 'silent' }),
      FLUX_DATABASE_URL: played.databaseUrl,
    };
    await played.sandbox.query('ALTER TABLE executions DROP COLUMN delayed_cancel_at');
    await played.sandbox.query("DELETE FROM flux_migrations WHERE name LIKE 'DelayedCancelAt%'");
    const apis = await Promise.all(
      [1, 2, 3].map(() => startApi({ settings, bus: createMemoryBroker().connect(), migrate: true })),
    );
    await Promise.all(apis.map((api) => api.close()));
    await expect(rest.start('plain', {})).resolves.toMatchObject({ state: 'SCHEDULED' });
  });

  it('keeps the settings of sessions, or tells which SQL sets them', async () => {
    const read = {
      name: 'read_settings',
      text: "SELECT current_setting('statement_timeout') || ' ' || current_setting('jit') AS set",
    };
    const settings = () =>
      withDatabase('as found', (database) =>
        Promise.all(
          Array.from({ length: 8 }, async () => (await database.query<{ set: string }>(read, []))[0]?.set),
        ),
      );
    const told = log.flatMap(
      (line) => /run once: (.*;)/.exec((JSON.parse(line) as { msg: string }).msg)?.[1] ?? [],
    );
    expect(told).toHaveLength(mode === 'session' ? 0 : 1);
    for (const statements of told) {
      await played.sandbox.query(statements);
      await played.sandbox.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
    }
    const present = await until('sessions of their own', () => settings().catch(() => false as const));
    expect(new Set(present)).toEqual(new Set(['15s off']));
  });

  it('that is found out late costs nothing but the preparing of statements', async () => {
    const statement = { name: 'late', text: 'SELECT $1::int AS n, pg_sleep(0.01)' };
    await withDatabase('as session', async (database) => {
      for (let round = 0; round < 5; round += 1) {
        const numbers = Array.from({ length: 40 }, (_, index) => index);
        const rows = await Promise.all(numbers.map((n) => database.query<{ n: number }>(statement, [n])));
        expect(rows.map(([row]) => row?.n)).toEqual(numbers);
      }
    });
  });
});
