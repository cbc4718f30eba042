import type { Statement } from '../../database/database.js';
import { RECORD_COLUMNS, ROW_COLUMNS } from './columns.js';

/** $1 ids → ExecutionRow */
export const READ_ROWS: Statement = {
  name: 'read_rows',
  text: `SELECT ${ROW_COLUMNS} FROM executions e WHERE e.id = ANY($1::uuid[])`,
};

/** $1 ids → ExecutionRow and input */
export const READ_ROWS_WITH_INPUT: Statement = {
  name: 'read_rows_with_input',
  text: `SELECT ${ROW_COLUMNS}, e.input FROM executions e WHERE e.id = ANY($1::uuid[])`,
};

/** $1 ids → ExecutionRecord */
export const READ_RECORDS: Statement = {
  name: 'read_records',
  text: `SELECT ${RECORD_COLUMNS} FROM executions e WHERE e.id = ANY($1::uuid[])`,
};
