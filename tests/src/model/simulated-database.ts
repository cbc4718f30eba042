import type { Database, MemoryTables, Sql, Statement } from '@flux/api/testing';
import { FluxError } from '@flux/domain';
import type { EventLoop } from './event-loop.js';
import { counted, kindOf } from './kinds.js';
import type { PlannedFault } from './program.js';
import type { Tally } from './tally.js';
import type { Tracer } from './trace.js';
import type { World } from './world.js';

const WRITES = /\b(INSERT|UPDATE|DELETE)\b/;
const WRITES_EXECUTIONS = /\b(INSERT INTO|UPDATE) executions\b/;

/** The server that all api processes share: its tables outlive them. */
export class DatabaseServer {
  /** The transaction under way; everything else waits for it. */
  #transaction: { readonly loop: EventLoop; readonly rollBack: () => void } | undefined;
  /** One after the other. */
  readonly #faults: Array<{ readonly fault: PlannedFault; readonly strike: () => void; skips: number }> = [];

  constructor(
    readonly tables: MemoryTables,
    private readonly tally: Tally,
    /** Told of every change when it is durable. */
    private readonly onCommitted: () => void,
    private readonly tracer?: Tracer,
  ) {}

  isFreeFor(transaction: object | undefined): boolean {
    return this.#transaction === undefined || this.#transaction === transaction;
  }

  /** A statement that comes loses its connection, and `strike` is called then. */
  plan(fault: PlannedFault, strike: () => void): void {
    this.#faults.push({ fault, strike, skips: fault.skips });
  }

  /** Nothing that was planned happens any more. */
  appease(): void {
    this.#faults.length = 0;
  }

  /** Of a transaction whose client is gone nothing is executed any more. */
  execute<Row>(statement: Statement, values: readonly unknown[], transaction?: object): Row[] {
    if (transaction !== undefined && transaction !== this.#transaction) throw connectionLost();
    const lose = this.#faultOf(statement);
    if (lose?.when === 'before') lose.strike();
    const rows = this.tables.execute<Row>(statement, values);
    this.tracer?.query(statement, values, rows);
    if (WRITES.test(statement.text) && !this.#transaction) this.onCommitted();
    if (lose?.when === 'after') lose.strike();
    return rows;
  }

  #faultOf({ text }: Statement): { readonly when: PlannedFault['when']; strike(): never } | undefined {
    const [next] = this.#faults;
    if (!next || (next.fault.among === 'writes' && !WRITES_EXECUTIONS.test(text))) return undefined;
    next.skips -= 1;
    if (next.skips >= 0) return undefined;
    const hit = next;
    this.#faults.shift();
    const strike = (): never => {
      this.tally.add(counted.mishap(kindOf(hit.fault)));
      hit.strike();
      throw connectionLost();
    };
    return { when: hit.fault.when, strike };
  }

  begin(loop: EventLoop): object {
    const before = this.tables.snapshot();
    const transaction = { loop, rollBack: () => this.tables.restore(before) };
    // The word of a client that has died since ends with its connection.
    if (loop.dead) return transaction;
    this.#transaction = transaction;
    this.tracer?.note('begin');
    return transaction;
  }

  end(transaction: object, commits: boolean): void {
    if (this.#transaction !== transaction) return;
    if (!commits) this.#transaction.rollBack();
    this.tracer?.note(commits ? 'commit' : 'rollback');
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
      this.#step(transaction, () => this.server.execute<Row>(statement, values, transaction));
    try {
      const result = await work({ query });
      await this.#step(transaction, () => this.server.end(transaction, true));
      return result;
    } catch (error) {
      await this.#step(transaction, () => this.server.end(transaction, false));
      throw error;
    }
  }

  now(): number {
    return Date.now();
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
