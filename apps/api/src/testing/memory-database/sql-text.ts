import type { Statement } from '../../database/database.js';
import type { Columns } from './tables.js';

/** Stored as text, so that whoever reads one gets values of its own. */
const JSON_COLUMNS = new Set([
  'input',
  'output',
  'error',
  'labels',
  'cancellation',
  'parking',
  'parent_link',
  'children',
]);

/** A parameter as its cast reads it. */
function cast(value: unknown, type: string): unknown {
  if (value === null || value === undefined) return null;
  if (type === 'timestamptz') return new Date(value as string | Date).getTime();
  return value;
}

interface Unnested {
  readonly column: string;
  readonly parameter: number;
  readonly type: string;
}

const unnests = new Map<string, readonly Unnested[]>();

/**
 * The rows of `unnest($1::type[], …) AS alias (column, …)` in the statement's own text, so that a column that is added
 * to a statement is known here too.
 */
export function unnested(statement: Statement, alias: string, values: readonly unknown[]): Columns[] {
  const key = `${statement.name} ${alias}`;
  const columns = unnests.get(key) ?? parseUnnest(statement, alias);
  unnests.set(key, columns);
  const length = (values[(columns[0]?.parameter ?? 1) - 1] as unknown[]).length;
  return Array.from({ length }, (_, index) =>
    Object.fromEntries(
      columns.map(({ column, parameter, type }) => [
        column,
        cast((values[parameter - 1] as unknown[])[index], type),
      ]),
    ),
  );
}

function parseUnnest({ name, text }: Statement, alias: string): Unnested[] {
  const found = new RegExp(`unnest\\(([^)]*)\\)\\s+AS ${alias} \\(([^)]*)\\)`).exec(text);
  const parameters = [...(found?.[1] ?? '').matchAll(/\$(\d+)::(\w+)\[\]/g)];
  const columns = (found?.[2] ?? '').split(',').map((column) => column.trim());
  if (parameters.length === 0 || parameters.length !== columns.length) {
    throw new Error(`the statement ${name} has no unnest that is read here as ${alias}`);
  }
  return parameters.map(([, parameter, type], index) => ({
    column: columns[index] as string,
    parameter: Number(parameter),
    type: type as string,
  }));
}

interface Assignment {
  readonly column: string;
  readonly from: string;
  /** What was there stays where there is nothing new. */
  readonly coalesced: boolean;
}

const assignments = new Map<string, readonly Assignment[]>();

/** What the statement's `SET` takes from the row `change`. */
export function assigned(statement: Statement, change: Columns, row: Columns): Columns {
  const known = assignments.get(statement.name) ?? parseAssignments(statement);
  assignments.set(statement.name, known);
  const taken = known.map(({ column, from, coalesced }) => {
    const value = change[from] ?? null;
    return [column, coalesced ? (value ?? row[column] ?? null) : value] as const;
  });
  return Object.fromEntries(taken);
}

function parseAssignments({ text }: Statement): Assignment[] {
  const found = text.matchAll(/^ +(\w+) = (COALESCE\()?change\.(\w+)/gm);
  return [...found].map(([, column, coalesced, from]) => ({
    column: column as string,
    from: from as string,
    coalesced: coalesced !== undefined,
  }));
}

interface Selected {
  readonly column: string;
  readonly alias: string;
}

const selections = new Map<string, readonly Selected[]>();
const EPOCH = /^\(extract\(epoch FROM e\.(\w+)\) \* 1000\)::float8 AS "?(\w+)"?$/;
const PLAIN = /^e\.(\w+)(?: AS "?(\w+)"?)?$/;

/** What `SELECT … FROM executions e` makes of a row. */
export function selected(statement: Statement, row: Columns): Columns {
  const columns = selections.get(statement.name) ?? parseSelection(statement);
  selections.set(statement.name, columns);
  return Object.fromEntries(
    columns.map(({ column, alias }) => {
      const value = row[column] ?? null;
      return [alias, value !== null && JSON_COLUMNS.has(column) ? JSON.parse(value as string) : value];
    }),
  );
}

function parseSelection({ name, text }: Statement): Selected[] {
  const list = /SELECT([\s\S]*?)\sFROM executions e\b/.exec(text)?.[1] ?? '';
  return list.split(',').map((item) => {
    const [, column, alias] = EPOCH.exec(item.trim()) ?? PLAIN.exec(item.trim()) ?? [];
    if (column === undefined) throw new Error(`the statement ${name} selects '${item.trim()}', unknown here`);
    return { column, alias: alias ?? column };
  });
}
