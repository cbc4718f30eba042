import { createHash } from 'node:crypto';
import type { Statement } from '../../database/database.js';
import type { Columns } from './tables.js';
import { WRITTEN_FOR } from './written-for.js';

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

const SET = /UPDATE executions e SET\s([\s\S]*?)\s+FROM/;
/** Which is counted up here, and nothing of the row `change`. */
const COUNTED = 'version = e.version + 1';
const TAKEN = /^(\w+) = change\.(\w+)(::json)?$/;
const TAKEN_OR_KEPT = /^(\w+) = COALESCE\(change\.(\w+)(::json)?, e\.\1\)$/;

/** @throws Error for an assignment of another form */
function parseAssignments({ name, text }: Statement): Assignment[] {
  const list = SET.exec(text)?.[1] ?? '';
  const lines = list.split(/,\n/).map((line) => line.trim());
  return lines
    .filter((line) => line !== COUNTED)
    .map((line) => {
      const taken = TAKEN.exec(line) ?? TAKEN_OR_KEPT.exec(line);
      if (!taken) throw new Error(`the statement ${name} sets '${line}', which is unknown here`);
      const [, column, from] = taken;
      return { column: column as string, from: from as string, coalesced: !TAKEN.test(line) };
    });
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

/** What of a statement is not read here, but was read by whoever wrote what it does in memory. */
function unread(text: string): string {
  const SELECTION = /SELECT([\s\S]*?)\sFROM executions e\b/;
  const isRead = (list: string): boolean =>
    list.split(',').every((item) => EPOCH.test(item.trim()) || PLAIN.test(item.trim()));
  return text
    .replace(SELECTION, (all, list: string) => (isRead(list) ? 'SELECT FROM executions e' : all))
    .replace(SET, (all, list: string) => (list.includes(COUNTED) ? 'UPDATE executions e SET FROM' : all))
    .replace(/unnest\([^)]*\)(\s+AS \w+) \([^)]*\)/g, 'unnest()$1')
    .replace(/--.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}

const known = new Set<string>();

/**
 * Holds a statement to what it was when its part here was written: its guards, its order and what else is not read.
 * @throws Error when it has changed since, or is new
 */
export function assertKnown({ name, text }: Statement): void {
  if (known.has(name)) return;
  const digest = createHash('sha256').update(unread(text)).digest('hex').slice(0, 12);
  if (WRITTEN_FOR[name] !== digest) {
    throw new Error(
      `the statement ${name} is another one than the database in memory was written for: ` +
        `see that it does the same, hold it to tests/src/memory-database.test.ts and note ${digest} in written-for.ts`,
    );
  }
  known.add(name);
}
