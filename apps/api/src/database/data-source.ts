import pg, { type PoolClient } from 'pg';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { mapStartError } from './errors.js';
import { MIGRATIONS } from './migrations.js';
import { findPooling, type Pooling } from './pooling.js';

/** The connections of one api. */
export const CONNECTIONS = 12;

/** Any number that nothing else in the database locks. */
const MIGRATION_LOCK = 7_305_841_226;

/**
 * Every table is reached by its indexes. The tables start empty and grow fast: a generic plan made on an empty table
 * would scan it sequentially until the first ANALYZE, so the planner is told what it will learn.
 */
const SETTINGS = {
  jit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  plan_cache_mode: 'force_generic_plan',
  statement_timeout: '15000',
  lock_timeout: '10000',
};
/** The settings that are worth having where no session keeps any, so that no generic plan is made. */
const OF_ROLE = ['jit', 'statement_timeout', 'lock_timeout'] as const;

const assignments = (names: readonly (keyof typeof SETTINGS)[]): string[] =>
  names.map((name) => `SET ${name} = ${SETTINGS[name]}`);
const SET_ALL = assignments(Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]).join('; ');

/** The connection pool, not yet connected; never synchronises a schema. */
function createDataSource(databaseUrl: string, pooling: Pooling, logger?: Logger): DataSource {
  // Set once connected: PgBouncer refuses the startup parameter that would do it, or drops it without a word.
  const onConnect = (client: PoolClient) => client.query(SET_ALL);
  return new DataSource({
    type: 'postgres',
    // TypeORM would look for it on the disk.
    driver: pg,
    url: databaseUrl,
    migrations: MIGRATIONS,
    migrationsTableName: 'flux_migrations',
    migrationsRun: false,
    synchronize: false,
    logging: false,
    applicationName: 'flux-api',
    poolSize: CONNECTIONS,
    connectTimeoutMS: 5_000,
    poolErrorHandler: (error: unknown) =>
      logger?.debug({ err: error }, 'an idle database connection was lost'),
    // The server's statement_timeout ends slow statements; the client's ends waiting for a server that hangs.
    extra: {
      ...(pooling !== 'transaction' && { onConnect }),
      keepAlive: true,
      query_timeout: 20_000,
      idleTimeoutMillis: 60_000,
    },
  });
}

/** A database that is connected. */
export interface Connected {
  readonly dataSource: DataSource;
  readonly pooling: Pooling;
}

/** @throws FluxError `DATABASE_UNAVAILABLE`, or `INVALID_SETTINGS` when the database refuses */
export async function connectDatabase(databaseUrl: string, logger?: Logger): Promise<Connected> {
  try {
    const pooling = await findPooling(databaseUrl);
    const dataSource = createDataSource(databaseUrl, pooling, logger);
    await dataSource.initialize();
    if (pooling === 'transaction' && logger) await tellMissingSettings(dataSource, logger);
    return { dataSource, pooling };
  } catch (error) {
    throw mapStartError(error);
  }
}

async function tellMissingSettings(dataSource: DataSource, logger: Logger): Promise<void> {
  const present: readonly { name: keyof typeof SETTINGS; setting: string; role: string; db: string }[] =
    await dataSource.query(
      `SELECT name, setting, quote_ident(current_user) AS role, quote_ident(current_database()) AS db
       FROM pg_settings WHERE name = ANY($1)`,
      [OF_ROLE],
    );
  const missing = present.filter(({ name, setting }) => setting !== SETTINGS[name]);
  const [first] = missing;
  if (!first) return;
  const statements = assignments(missing.map(({ name }) => name)).map(
    (assignment) => `ALTER ROLE ${first.role} IN DATABASE ${first.db} ${assignment};`,
  );
  logger.warn(
    { settings: missing.map(({ name }) => name) },
    `the pooler gives each transaction another session, so that sessions keep no settings; run once: ${statements.join(' ')}`,
  );
}

/**
 * Brings the schema up to date; concurrent callers, in other processes too, take turns. A transaction holds the lock,
 * since no pooler gives its session to others.
 */
async function migrate(dataSource: DataSource): Promise<void> {
  const lock = dataSource.createQueryRunner();
  try {
    await lock.startTransaction();
    // Waiting for another replica's migration is not a fault, however long it takes.
    for (const limit of ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']) {
      await lock.query(`SET LOCAL ${limit} = 0`);
    }
    await lock.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await lock.rollbackTransaction().catch(() => undefined);
    await lock.release();
  }
}

/**
 * Connects, brings the schema up to date and disconnects.
 * @throws FluxError `DATABASE_UNAVAILABLE`, or `INVALID_SETTINGS` when the database refuses
 */
export async function migrateDatabase(databaseUrl: string): Promise<void> {
  const { dataSource } = await connectDatabase(databaseUrl);
  try {
    await migrate(dataSource);
  } catch (error) {
    throw mapStartError(error);
  } finally {
    await dataSource.destroy();
  }
}
