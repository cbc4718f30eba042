import type { Database, MemoryTables, Sql, Statement } from '@flux/api/testing';
import { FluxError } from '@flux/domain';
import type { EventLoop } from './event-loop.js';
import type { World } from './world.js';

const WRITES = /\b(INSERT|UPDATE|DELETE)\b/;

/** The server that all api processes share: its tables outlive them. */
export class DatabaseServer {
  /** The transaction under way; everything else waits for it. */
  #transaction: { readonly loop: EventLoop; readonly rollBack: () => void } | undefined;
  /** How many of the next statements lose their connection, before or after they were executed. */
  readonly faults: Array<'before' | 'after'> = [];

  constructor(
    readonly tables: MemoryTables,
    /** Told of every change when it is durable. */
    private readonly onCommitted: () => void,
  ) {}

  isFreeFor(transaction: object | undefined): boolean {
    return this.#transaction === undefined || this.#transaction === transaction;
  }

  execute<Row>(statement: Statement, values: readonly unknown[]): Row[] {
    const fault = this.faults.shift();
    if (fault === 'before') throw connectionLost();
    const rows = this.tables.execute<Row>(statement, values);
    if (WRITES.test(statement.text) && !this.#transaction) this.onCommitted();
    if (fault === 'after') throw connectionLost();
    return rows;
  }

  begin(loop: EventLoop): object {
    const before = this.tables.snapshot();
    this.#transaction = { loop, rollBack: () => this.tables.restore(before) };
    return this.#transaction;
  }

  end(transaction: object, commits: boolean): void {
    if (this.#transaction !== transaction) return;
    if (!commits) this.#transaction.rollBack();
    this.#transaction = undefined;
    if (commits) this.onCommitted();
  }

  /** A client is gone: what it had not committed is undone. */
  forget(loop: EventLoop): void {
    if (this.#transaction?.loop === loop) this.end(this.#transaction, false);
  }
}

function connectionLost(): FluxError {
  return new FluxError('DATABASE_UNAVAILABLE', 'the connection to the database was lost');
}

/** One process's connections to it: a statement and its answer are a step of the world each. */
export class SimulatedDatabase implements Database {
  constructor(
    private readonly world: World,
    private readonly server: DatabaseServer,
    private readonly loop: EventLoop,
  ) {}

  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#step(undefined, () => this.server.execute<Row>(statement, values));
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const transaction = await this.#step(undefined, () => this.server.begin(this.loop));
    const query = <Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> =>
      this.#step(transaction, () => this.server.execute<Row>(statement, values));
    try {
      const result = await work({ query });
      await this.#step(transaction, () => this.server.end(transaction, true));
      return result;
    } catch (error) {
      await this.#step(transaction, () => this.server.end(transaction, false));
      throw error;
    }
  }

  async entities(): Promise<never> {
    throw new Error('the model asks for no entities');
  }

  async close(): Promise<void> {}

  /** Each on a connection of its own, so that none waits for another but for a transaction. */
  #step<T>(transaction: object | undefined, execute: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const answers = this.world.lane(this.loop);
      const statements = this.world.lane(undefined, () => this.server.isFreeFor(transaction));
      statements.post(() => {
        try {
          const result = execute();
          answers.post(() => resolve(result));
        } catch (error) {
          answers.post(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      });
    });
  }
}
