import type { ListQuery } from '@flux/contracts';
import type { Statement } from '../../database/database.js';
import { RECORD_COLUMNS } from '../sql/columns.js';
import { isStorable } from '../start/input-shape.js';
import { decodeCursor } from './cursor.js';

interface Filter {
  /** Names the filter in the statement's name: one prepared statement for each combination. */
  readonly name: string;
  /** Its condition, with `?` for the parameter. */
  readonly condition: string;
  readonly values: readonly unknown[];
}

/**
 * The statement of a list, newest first, with one row more than asked for to tell whether there is another page;
 * `undefined` when nothing can match.
 * @throws FluxError `INVALID_REQUEST` for a bad cursor
 */
export function listStatement(query: ListQuery): { statement: Statement; values: unknown[] } | undefined {
  const labels = Object.fromEntries((query.label ?? []).map(splitLabel));
  // Two values of one key, or text that no label can hold.
  if (Object.keys(labels).length < new Set(query.label).size) return undefined;
  if (!Object.entries(labels).every(([key, value]) => isStorable(key) && isStorable(value))) return undefined;
  const filters = filtersOf(query, labels);
  const values: unknown[] = filters.flatMap((filter) => filter.values);
  let parameter = 0;
  const conditions = filters.map(({ condition }) => condition.replaceAll('?', () => `$${(parameter += 1)}`));
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  return {
    statement: {
      name: ['list', ...filters.map((filter) => filter.name)].join('_'),
      text: `
SELECT ${RECORD_COLUMNS}
FROM executions e
${where}
ORDER BY e.created_at DESC, e.id DESC
LIMIT $${parameter + 1}`,
    },
    values: [...values, query.limit + 1],
  };
}

function filtersOf(query: ListQuery, labels: Readonly<Record<string, string>>): Filter[] {
  const filters: Filter[] = [];
  const add = (name: string, condition: string, ...values: unknown[]): void => {
    if (values.every((value) => value !== undefined)) filters.push({ name, condition, values });
  };
  add('workflow', 'e.workflow_name = ?', query.workflowName);
  // One state by equality, so that the index by state gives the order too.
  if (query.state?.length === 1) add('state', 'e.state = ?', query.state[0]);
  else add('states', 'e.state = ANY(?::text[])', query.state);
  if (Object.keys(labels).length > 0) {
    // The second half lets the partial index be used.
    add('labels', "e.labels @> ?::jsonb AND e.labels <> '{}'", JSON.stringify(labels));
  }
  add('after', 'e.created_at > ?::timestamptz', query.createdAfter);
  add('before', 'e.created_at < ?::timestamptz', query.createdBefore);
  add('parent', 'e.parent_execution_id = ?::uuid', query.parentExecutionId);
  if (query.cursor !== undefined) {
    const cursor = decodeCursor(query.cursor);
    const createdAt = new Date(cursor.createdAt).toISOString();
    add('cursor', '(e.created_at, e.id) < (?::timestamptz, ?::uuid)', createdAt, cursor.id);
  }
  return filters;
}

function splitLabel(label: string): [string, string] {
  const colon = label.indexOf(':');
  return [label.slice(0, colon), label.slice(colon + 1)];
}
