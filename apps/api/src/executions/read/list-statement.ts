import type { ListQuery } from '@flux/contracts';
import type { Statement } from '../../database/database.js';
import { RECORD_COLUMNS } from '../sql/columns.js';
import { clauseOf, conditionsOf } from './conditions.js';
import { decodeCursor } from './cursor.js';

/**
 * The statement of a list, newest first, with one row more than asked for to tell whether there is another page;
 * `undefined` when nothing can match.
 * @throws FluxError `INVALID_REQUEST` for a bad cursor
 */
export function listStatement(query: ListQuery): { statement: Statement; values: unknown[] } | undefined {
  const conditions = conditionsOf(query);
  if (!conditions) return undefined;
  if (query.cursor !== undefined) {
    const cursor = decodeCursor(query.cursor);
    conditions.push({
      name: 'cursor',
      text: '(e.created_at, e.id) < (?::timestamptz, ?::uuid)',
      values: [new Date(cursor.createdAt).toISOString(), cursor.id],
    });
  }
  const clause = clauseOf(conditions);
  return {
    statement: {
      name: ['list', ...(clause.name ? [clause.name] : [])].join('_'),
      text: `
SELECT ${RECORD_COLUMNS}
FROM executions e
WHERE ${clause.text}
ORDER BY e.created_at DESC, e.id DESC
LIMIT $${clause.values.length + 1}`,
    },
    values: [...clause.values, query.limit + 1],
  };
}
