import type { Statement } from '../../database/database.js';
import { EXECUTION_STATEMENTS } from './execution-statements.js';
import { FLEET_STATEMENTS } from './fleet-statements.js';
import { assertKnown } from './sql-text.js';
import { copyTables, emptyTables, type Tables } from './tables.js';

const STATEMENTS = { ...EXECUTION_STATEMENTS, ...FLEET_STATEMENTS };

/** The names of the statements that it knows. */
export const MEMORY_STATEMENTS: readonly string[] = Object.keys(STATEMENTS);

/**
 * The tables and what the core's statements do to them, each at once and as a whole. It knows statements by their names,
 * reads part of their text and is held to PostgreSQL by `tests/src/memory-database.test.ts`.
 */
export class MemoryTables {
  #tables = emptyTables();

  /** @throws Error for a statement that is not played */
  execute<Row>(statement: Statement, values: readonly unknown[]): Row[] {
    const play = STATEMENTS[statement.name];
    if (!play) throw new Error(`the database in memory does not know the statement ${statement.name}`);
    assertKnown(statement);
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
