import { FluxError } from '@flux/domain';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { Connected } from './data-source.js';
import { DatabaseClock } from './database-clock.js';
import { isConnectionError, isUnprepared, mapDatabaseError } from './errors.js';
import { Outage } from './outage.js';

/** A statement that each connection prepares once, under its name, where connections keep what they prepare. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** How long the client waits for it; milliseconds, absent: as long as the pool says. */
  readonly limitMs?: number;
}

/** Runs statements: the pool (each its own transaction) or one transaction. */
export interface Sql {
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

/**
 * The api's store. Nothing is retried; one that cannot be reached, or can do no work, is FluxError
 * `DATABASE_UNAVAILABLE`. The parts of the core know it by this port alone, so that a test can run them on one in memory.
 */
export interface Database extends Sql {
  /**
   * The database's time, milliseconds since 1970: what is written or compared with what is written goes by it, since the
   * clocks of replicas differ.
   */
  now(): number;
  /** Why it does no work now, as the last statements found it; `undefined` when it does. */
  fault(): string | undefined;
  /** Runs `work` in one transaction; it must use `tx` alone. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const READ_CLOCK: Statement = {
  name: 'read_clock',
  limitMs: 2_000,
  text: 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
};

/** PostgreSQL: prepared statements straight on TypeORM's pool, no hydration. */
export class PostgresDatabase implements Database {
  readonly #dataSource: DataSource;
  readonly #pool: Pool;
  readonly #clock: DatabaseClock;
  readonly #outage: Outage;
  /** Whether a connection finds again what it has prepared. */
  #prepares: boolean;

  constructor({ dataSource, pooling }: Connected, logger?: Logger) {
    this.#dataSource = dataSource;
    this.#prepares = pooling !== 'transaction';
    this.#outage = new Outage(logger);
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

  fault(): string | undefined {
    return this.#outage.reason;
  }

  async query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#run<Row>(this.#pool, statement, values);
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => this.#fail(error));
    try {
      await client.query('BEGIN');
      const result = await work({ query: (statement, values) => this.#run(client, statement, values) });
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // A connection whose rollback fails is of no use to anybody, and one to a server that was demoted stays so.
      const rollback = await client.query('ROLLBACK').catch((failure: unknown) => failure);
      client.release(rollback instanceof Error || isConnectionError(error));
      return this.#fail(error);
    }
  }

  async close(): Promise<void> {
    await this.#clock.stop();
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy();
  }

  async #run<Row>(
    runner: Pool | PoolClient,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const prepares = this.#prepares;
    try {
      const { name, text, limitMs } = statement;
      const { rows } = await runner.query({
        name: prepares ? name : undefined,
        text,
        values: values as unknown[],
        ...(limitMs !== undefined && { query_timeout: limitMs }),
      });
      this.#outage.done();
      return rows as Row[];
    } catch (error) {
      if (!prepares || !isUnprepared(error)) return this.#fail(error);
      // A busy pooler hid at the start that it gives each transaction another session.
      this.#prepares = false;
      return runner === this.#pool ? this.#run(runner, statement, values) : this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    const mapped = mapDatabaseError(error);
    if (mapped instanceof FluxError && mapped.code === 'DATABASE_UNAVAILABLE') this.#outage.met(mapped);
    throw mapped;
  }
}
