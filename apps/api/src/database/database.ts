import type { Pool, PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { DatabaseClock } from './database-clock.js';
import { mapDatabaseError } from './errors.js';

/** A statement that each connection prepares once, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** How long the client waits for it; milliseconds, absent: as long as the pool says. */
  readonly limitMs?: number;
}

/** Where statements can be run: the pool (each its own transaction) or one transaction. */
export interface Sql {
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

/**
 * The api's store. Nothing is retried; one that cannot be reached is FluxError `DATABASE_UNAVAILABLE`. The parts of the
 * core know it by this port alone, so that a test can run them on one in memory.
 */
export interface Database extends Sql {
  /**
   * The database's time, milliseconds since 1970: what is written or compared with what is written goes by it, since the
   * clocks of replicas differ.
   */
  now(): number;
  /** Runs `work` in one transaction; it must use `tx` alone. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /** The cold path: TypeORM's entities. */
  entities<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const READ_CLOCK: Statement = {
  name: 'read_clock',
  limitMs: 2_000,
  text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
};

/** PostgreSQL: on the hot path prepared statements straight on TypeORM's pool, no hydration. */
export class PostgresDatabase implements Database {
  readonly #dataSource: DataSource;
  readonly #pool: Pool;
  readonly #clock: DatabaseClock;

  /** @param dataSource initialised */
  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
    this.#pool = (dataSource.driver as unknown as { master: Pool }).master;
    this.#clock = new DatabaseClock(async () => {
      const [row] = await this.query<{ now: number }>(READ_CLOCK, []);
      return row?.now ?? Date.now();
    });
  }

  /** Asks for the database's time, and from then on keeps to it. Comes before the first {@link now}. */
  async keepTime(): Promise<void> {
    await this.#clock.start();
  }

  now(): number {
    return this.#clock.now();
  }

  async query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return run<Row>(this.#pool, statement, values);
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw mapDatabaseError(error);
    });
    try {
      await client.query('BEGIN');
      const result = await work({ query: (statement, values) => run(client, statement, values) });
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // A connection whose rollback fails is of no use to anybody.
      const rollback = await client.query('ROLLBACK').catch((failure: unknown) => failure);
      client.release(rollback instanceof Error ? rollback : undefined);
      throw mapDatabaseError(error);
    }
  }

  async entities<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await work(this.#dataSource.manager);
    } catch (error) {
      throw mapDatabaseError(error);
    }
  }

  async close(): Promise<void> {
    await this.#clock.stop();
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy();
  }
}

async function run<Row>(
  runner: Pool | PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const { name, text, limitMs } = statement;
    const { rows } = await runner.query({
      name,
      text,
      values: values as unknown[],
      ...(limitMs !== undefined && { query_timeout: limitMs }),
    });
    return rows as Row[];
  } catch (error) {
    throw mapDatabaseError(error);
  }
}
