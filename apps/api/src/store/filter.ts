import { isStorable, type ListQuery } from '@flux/contracts';

/** A choice of executions, which every part that is given must fit. */
export type ExecutionFilter = Omit<ListQuery, 'include' | 'limit' | 'cursor'>;

/** A part of a WHERE clause over the table alias `e`. */
export interface Condition {
  /** The condition's part of the statement's name: there is one prepared statement for each combination. */
  readonly name: string;
  /** The SQL of the condition, with `?` for each parameter. */
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The conditions of a filter; `undefined` when nothing can match. */
export function conditionsOf(filter: ExecutionFilter): Condition[] | undefined {
  const labels = Object.fromEntries((filter.label ?? []).map(splitLabel));
  // A key with two values, or text that no label can hold, matches nothing.
  if (Object.keys(labels).length < new Set(filter.label).size) return undefined;
  if (!Object.entries(labels).every(([key, value]) => isStorable(key) && isStorable(value))) return undefined;
  const conditions: Condition[] = [];
  const add = (name: string, text: string, ...values: unknown[]): void => {
    if (values.every((value) => value !== undefined)) conditions.push({ name, text, values });
  };
  add('workflow', 'e.workflow_name = ?', filter.workflowName);
  // A single state is compared by equality, so that the index by state gives the order too.
  if (filter.state?.length === 1) add('state', 'e.state = ?', filter.state[0]);
  else add('states', 'e.state = ANY(?::text[])', filter.state);
  if (Object.keys(labels).length > 0) {
    // The second half lets the partial index be used.
    add('labels', "e.labels @> ?::jsonb AND e.labels <> '{}'", JSON.stringify(labels));
  }
  add('after', 'e.created_at > ?::timestamptz', filter.createdAfter);
  add('before', 'e.created_at < ?::timestamptz', filter.createdBefore);
  add('parent', 'e.parent_execution_id = ?::uuid', filter.parentExecutionId);
  return conditions;
}

/** A clause of all conditions, its parameters numbered after the first `taken`. */
export interface Clause {
  /** `TRUE` for no condition. */
  readonly text: string;
  /** The names of the conditions, joined. */
  readonly name: string;
  readonly values: readonly unknown[];
}

export function clauseOf(conditions: readonly Condition[], taken = 0): Clause {
  let parameter = taken;
  const texts = conditions.map(({ text }) => text.replaceAll('?', () => `$${(parameter += 1)}`));
  return {
    text: texts.join(' AND ') || 'TRUE',
    name: conditions.map(({ name }) => name).join('_'),
    values: conditions.flatMap(({ values }) => values),
  };
}

/** The key and the value of `k:v`, split at the first colon. */
function splitLabel(label: string): [string, string] {
  const colon = label.indexOf(':');
  return [label.slice(0, colon), label.slice(colon + 1)];
}
