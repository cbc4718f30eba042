import pg from 'pg';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { WorkerEntity, WorkflowEntity } from '../fleet/entities.js';
import { mapStartError } from './errors.js';
import { Initial1763800000000 } from './migrations/1763800000000-initial.js';
import { Parking1764000000000 } from './migrations/1764000000000-parking.js';
import { LostAt1764100000000 } from './migrations/1764100000000-lost-at.js';
import { Cancellations1764110000000 } from './migrations/1764110000000-cancellations.js';
import { Versions1764210000000 } from './migrations/1764210000000-versions.js';
import { Children1764220000000 } from './migrations/1764220000000-children.js';
import { Schedules1764700000000 } from './migrations/1764700000000-schedules.js';
import { Runners1764800000000 } from './migrations/1764800000000-runners.js';
import { Undo1764710000000 } from './migrations/1764710000000-undo.js';
import { CancelKeys1764820000000 } from './migrations/1764820000000-cancel-keys.js';

/** Any number that nothing else in the database locks. */
const MIGRATION_LOCK = 7_305_841_226;

/**
 * Every table is reached by its indexes. The tables start empty and grow fast: a generic plan made on an empty table
 * would scan it sequentially until the first ANALYZE, so the planner is told what it will learn.
 */
const SESSION_OPTIONS = [
  'jit=off',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'plan_cache_mode=force_generic_plan',
  'statement_timeout=15000',
  'lock_timeout=10000',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** The connection pool and its entities, not yet connected; never synchronises a schema. */
export function createDataSource(databaseUrl: string, logger?: Logger): DataSource {
  return new DataSource({
    type: 'postgres',
    // TypeORM would look for it on the disk.
    driver: pg,
    url: databaseUrl,
    entities: [WorkerEntity, WorkflowEntity],
    migrations: [
      Initial1763800000000,
      Parking1764000000000,
      LostAt1764100000000,
      Cancellations1764110000000,
      Versions1764210000000,
      Children1764220000000,
      Schedules1764700000000,
      Runners1764800000000,
      Undo1764710000000,
      CancelKeys1764820000000,
    ],
    migrationsTableName: 'flux_migrations',
    migrationsRun: false,
    synchronize: false,
    logging: false,
    applicationName: 'flux-api',
    poolSize: 12,
    connectTimeoutMS: 5_000,
    poolErrorHandler: (error: unknown) =>
      logger?.warn({ err: error }, 'an idle database connection was lost'),
    // The server's statement_timeout ends slow statements; the client's ends waiting for a server that hangs.
    extra: { options: SESSION_OPTIONS, keepAlive: true, query_timeout: 20_000, idleTimeoutMillis: 60_000 },
  });
}

/** Brings the schema up to date; concurrent callers, in other processes too, take turns. */
export async function migrate(dataSource: DataSource): Promise<void> {
  const lock = dataSource.createQueryRunner();
  await lock.connect();
  try {
    // Waiting for another replica's migration is not a fault, however long it takes.
    await lock.query('SET lock_timeout = 0; SET statement_timeout = 0');
    await lock.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await lock.query(`SELECT pg_advisory_unlock(${MIGRATION_LOCK})`).catch(() => undefined);
    await lock.query('RESET lock_timeout; RESET statement_timeout').catch(() => undefined);
    await lock.release();
  }
}

/**
 * Connects, brings the schema up to date and disconnects.
 * @throws FluxError `DATABASE_UNAVAILABLE`, or `INVALID_SETTINGS` when the database refuses
 */
export async function migrateDatabase(databaseUrl: string): Promise<void> {
  const dataSource = createDataSource(databaseUrl);
  try {
    await dataSource.initialize();
    await migrate(dataSource);
  } catch (error) {
    throw mapStartError(error);
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}
