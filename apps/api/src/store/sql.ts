import { EXECUTION_STATES, isTerminal, statesAccepting } from '@flux/domain';

/** A timestamp as epoch milliseconds, which JavaScript reads without parsing a date. */
export function millis(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}

/** A list for `IN`. */
export function listOf(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ');
}

/** The states in which an execution may have an owner, as the index of owned ones has them. */
export const OWNED = listOf(statesAccepting('lose_owner'));

/** The states that nothing leaves. */
export const ENDED = listOf(EXECUTION_STATES.filter(isTerminal));

export type ParameterType = 'uuid' | 'text' | 'int' | 'float8' | 'timestamptz';

/**
 * A column of rows that a statement is given: its name there, its type, and the function that reads its value from a
 * row.
 */
export type Given<Row> = readonly [name: string, type: ParameterType, value: (row: Row) => unknown];

/**
 * Rows that a statement is given as arrays, a parameter for each column. The name, the type and the value of a column stand
 * together, so that no two can be swapped.
 */
export interface RowsParameter<Row> {
  /** The text for `FROM`: `unnest($1::uuid[], …) AS alias (id, …)`. */
  readonly text: string;
  /** The number of the first parameter after the rows. */
  readonly next: number;
  values(rows: readonly Row[]): unknown[][];
}

export function rowsParameter<Row>(
  alias: string,
  first: number,
  columns: ReadonlyArray<Given<Row>>,
): RowsParameter<Row> {
  const types = columns.map(([, type], index) => `$${first + index}::${type}[]`);
  const names = columns.map(([name]) => name);
  return {
    text: `unnest(${types.join(', ')}) AS ${alias} (${names.join(', ')})`,
    next: first + columns.length,
    values: (rows) => columns.map(([, , value]) => rows.map(value)),
  };
}
