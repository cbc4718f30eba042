import type { Statement } from '../../database/database.js';
import { EXECUTION_STATEMENTS } from './execution-statements.js';
import { FLEET_STATEMENTS } from './fleet-statements.js';
import { copyTables, emptyTables, type Tables } from './tables.js';

const STATEMENTS = { ...EXECUTION_STATEMENTS, ...FLEET_STATEMENTS };

/**
 * The tables and what the core's statements do to them, each at once and as a whole. It knows statements by their names and
 * reads part of their text; nothing compares it with PostgreSQL yet.
 */
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
