import type { Database, Sql, Statement } from '../../database/database.js';
import { EXECUTION_STATEMENTS } from './execution-statements.js';
import { FLEET_STATEMENTS } from './fleet-statements.js';
import { copyTables, emptyTables, type Tables } from './tables.js';

const STATEMENTS = { ...EXECUTION_STATEMENTS, ...FLEET_STATEMENTS };

/** The tables and what the core's statements do to them, each at once and as a whole. */
export class MemoryTables {
  #tables = emptyTables();

  /** @throws Error for a statement that is not played */
  execute<Row>(statement: Statement, values: readonly unknown[]): Row[] {
    const play = STATEMENTS[statement.name];
    if (!play) throw new Error(`the database in memory does not know the statement ${statement.name}`);
    return play(this.#tables, values, statement, Date.now()) as Row[];
  }

  /** As they are; they change with every statement. */
  get present(): Tables {
    return this.#tables;
  }

  snapshot(): Tables {
    return copyTables(this.#tables);
  }

  /** Undoes all since the snapshot was taken, which is used up. */
  restore(snapshot: Tables): void {
    this.#tables = snapshot;
  }
}

/**
 * The core's database in memory, for tests that need thousands of them. One contract suite holds it to PostgreSQL. Its
 * transactions take turns with everything else.
 */
export class MemoryDatabase implements Database {
  readonly #tables = new MemoryTables();
  #turn: Promise<unknown> = Promise.resolve();

  async query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#inTurn(async () => this.#tables.execute<Row>(statement, values));
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const before = this.#tables.snapshot();
      try {
        return await work({ query: async (statement, values) => this.#tables.execute(statement, values) });
      } catch (error) {
        this.#tables.restore(before);
        throw error;
      }
    });
  }

  async entities(): Promise<never> {
    throw new Error('the database in memory has no entities');
  }

  async close(): Promise<void> {}

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
