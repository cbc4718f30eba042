import type { Database, Statement } from '../database/database.js';
import type { ExecutionRecord } from '../lifecycle/execution.js';
import { DETAILS, SHOWN_COLUMNS, type ShownKey } from './execution-columns.js';
import { StoredJson, VALUES, type ValueName } from './stored-json.js';
import { clauseOf, conditionsOf, type Condition, type ExecutionFilter } from './filter.js';

/** An execution as REST shows it, but for what is large. */
export interface ShownExecution extends Pick<ExecutionRecord, ShownKey> {
  /** `null` for none, and for one that was not asked for. */
  readonly input: StoredJson | null;
  readonly output: StoredJson | null;
  /** The bytes of the JSON text of {@link Details}. */
  readonly detailBytes: number;
  /** False where the row alone is larger than a page: its values and details are to be read by themselves. */
  readonly whole: boolean;
}

export type Details = Pick<ExecutionRecord, (typeof DETAILS)[number]>;

/** The beginning of a page: after this execution, newest first. */
export interface PageStart {
  readonly createdAt: number;
  readonly id: string;
}

export interface ShownWish {
  /** Absent: from the newest on. */
  readonly after?: PageStart | undefined;
  readonly include: readonly ValueName[];
  readonly items: number;
  /** The bytes of the items' JSON text; one item alone may have more. */
  readonly bytes: number;
}

export interface ShownPage {
  readonly items: ShownExecution[];
  readonly more: boolean;
}

/** A page of a list of executions, newest first, with the values that were asked for and nothing of the others. */
export async function listExecutions(
  database: Database,
  filter: ExecutionFilter,
  { after, ...wish }: ShownWish,
): Promise<ShownPage> {
  const conditions = conditionsOf(filter);
  if (!conditions) return { items: [], more: false };
  if (after) {
    conditions.push({
      name: 'cursor',
      text: '(e.created_at, e.id) < (?::timestamptz, ?::uuid)',
      values: [new Date(after.createdAt).toISOString(), after.id],
    });
  }
  return readPage(database, conditions, wish);
}

/** The execution of that id with all its values. */
export async function readShown(
  database: Database,
  id: string,
  bytes: number,
): Promise<ShownExecution | undefined> {
  const [row] = await database.query<Sized>(READ_SHOWN, [id, bytes]);
  return row && shownOf(row);
}

/** $1 id. */
const READ_DETAILS: Statement = {
  name: 'read_details',
  text: `SELECT ${DETAILS.join(', ')} FROM executions WHERE id = $1::uuid`,
};

export async function readDetails(database: Database, id: string): Promise<Details | undefined> {
  return (await database.query<Details>(READ_DETAILS, [id]))[0];
}

interface Sized extends Omit<ShownExecution, ValueName> {
  readonly input: string | null;
  readonly output: string | null;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

interface Listed extends Sized {
  /** The number of executions that were looked at. */
  readonly looked: number;
}

function shownOf({ inputBytes, outputBytes, ...row }: Sized): ShownExecution {
  return {
    ...row,
    input: inputBytes > 0 ? new StoredJson(row.input, inputBytes) : null,
    output: outputBytes > 0 ? new StoredJson(row.output, outputBytes) : null,
  };
}

async function readPage(
  database: Database,
  conditions: readonly Condition[],
  { include, items, bytes }: Omit<ShownWish, 'after'>,
): Promise<ShownPage> {
  const statement = pageStatement(conditions, include);
  const { values } = clauseOf(conditions);
  const rows = await database.query<Listed>(statement, [...values, items + 1, bytes]);
  const kept = rows.slice(0, items).map(({ looked: _, ...row }) => shownOf(row));
  return { items: kept, more: (rows[0]?.looked ?? 0) > kept.length };
}

const sizeOf = (column: string): string => `COALESCE(octet_length(e.${column}::text), 0)`;
const sumOf = (terms: readonly string[]): string => terms.join(' + ') || '0';

/** The bytes of an item's JSON text beside its details and values, about. */
const ITEM_BYTES = 512;
const OWN_BYTES = 'sized.detail_bytes + sized.input_bytes + sized.output_bytes + sized.other_bytes';

/** The sizes of what a row has to show, of `executions e`. */
function sizes(include: readonly ValueName[]): string {
  const valueSize = (name: ValueName): string => (include.includes(name) ? sizeOf(name) : '0');
  return `e.id, ${sumOf(DETAILS.map(sizeOf))} AS detail_bytes, ${valueSize('input')} AS input_bytes,
      ${valueSize('output')} AS output_bytes, ${ITEM_BYTES} + ${sizeOf('labels')} AS other_bytes`;
}

/** The columns of `executions e` for a row of `page`, which has its sizes. */
function shown(include: readonly ValueName[]): string {
  const valueText = (name: ValueName): string =>
    include.includes(name) ? `CASE WHEN page.whole THEN e.${name}::text END` : 'NULL';
  return `${SHOWN_COLUMNS},
  ${DETAILS.map((name) => `CASE WHEN page.whole THEN e.${name} END AS ${name}`).join(', ')},
  ${VALUES.map((name) => `${valueText(name)} AS ${name}`).join(', ')},
  page.detail_bytes AS "detailBytes", page.input_bytes AS "inputBytes", page.output_bytes AS "outputBytes",
  page.whole`;
}

/** $1 id, $2 the bytes from which on its values and details are read by themselves. */
const READ_SHOWN: Statement = {
  name: 'read_shown',
  text: `
WITH page AS MATERIALIZED (
  SELECT *, ${OWN_BYTES} <= $2::bigint AS whole
  FROM (SELECT ${sizes(VALUES)} FROM executions e WHERE e.id = $1::uuid OFFSET 0) AS sized
)
SELECT ${shown(VALUES)} FROM page JOIN executions e ON e.id = page.id`,
};

const NEWEST_FIRST = 'e.created_at DESC, e.id DESC';

/**
 * The executions of the page are sized one after the other, until it is full: the size of a value's text is known by reading
 * it alone, and what is small on the disk may be a hundred times as large. One is looked at behind the page.
 */
function pageStatement(conditions: readonly Condition[], include: readonly ValueName[]): Statement {
  const clause = clauseOf(conditions);
  const next = clause.values.length + 1;
  const sizedAt = (place: string): string => `
  CROSS JOIN LATERAL (
    SELECT ${sizes(include)} FROM executions e WHERE e.id = candidates.ids[${place}]
    OFFSET 0
  ) AS sized`;
  return {
    // PostgreSQL keeps 63 characters of a statement's name.
    name: ['list', ...(clause.name ? [clause.name] : []), ...include.map(([letter]) => letter)].join('_'),
    text: `
WITH RECURSIVE candidates AS MATERIALIZED (
  SELECT array_agg(e.id ORDER BY ${NEWEST_FIRST}) AS ids
  FROM (
    SELECT e.id, e.created_at FROM executions e WHERE ${clause.text} ORDER BY ${NEWEST_FIRST} LIMIT $${next}::int
  ) AS e
), steps AS (
  SELECT 1 AS place, sized.*, (${OWN_BYTES})::bigint AS through FROM candidates${sizedAt('1')}
  UNION ALL
  SELECT steps.place + 1, sized.*, steps.through + ${OWN_BYTES}
  FROM steps CROSS JOIN candidates${sizedAt('steps.place + 1')}
  WHERE steps.through <= $${next + 1}::bigint OR steps.place = 1
), page AS MATERIALIZED (
  SELECT *, through <= $${next + 1}::bigint AS whole, count(*) OVER ()::int AS looked FROM steps
)
SELECT ${shown(include)}, page.looked
FROM page
JOIN executions e ON e.id = page.id
WHERE page.whole OR page.place = 1
ORDER BY page.place`,
  };
}
