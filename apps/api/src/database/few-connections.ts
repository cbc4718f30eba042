import type { Database, Sql, Statement } from './database.js';

/**
 * A database through some of its connections at most, for what many may ask for at once. Statements past that wait in
 * their order, and those who use the database itself do not wait behind them.
 */
export class FewConnections implements Database {
  readonly #database: Database;
  readonly #most: number;
  readonly #waiting: Array<() => void> = [];
  #used = 0;

  /** @param most ≥ 1 */
  constructor(database: Database, most: number) {
    this.#database = database;
    this.#most = most;
  }

  now(): number {
    return this.#database.now();
  }

  fault(): string | undefined {
    return this.#database.fault();
  }

  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    return this.#run(() => this.#database.query<Row>(statement, values));
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.#run(() => this.#database.transaction(work));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#used === this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#used += 1;
    try {
      return await work();
    } finally {
      // Whoever waited longest has this one's place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#used -= 1;
    }
  }
}
