import type { StateUpdate } from '@flux/contracts';
import type { Database, Sql, Statement } from '../database/database.js';
import type { ExecutionRecord, ExecutionRow } from '../lifecycle/execution.js';
import type { Orphan } from '../lifecycle/hand-back.js';
import { isoOrNull } from '../lifecycle/timing.js';
import { fromColumns, RECORD_COLUMNS, ROW_COLUMNS, VALUELESS_COLUMNS } from './execution-columns.js';
import { insertStarts } from './insert-executions.js';
import { withValue, type PendingChild, type Write } from './pending-write.js';
import { ChildIdTakenError, type ExecutionStore } from './ports.js';
import { readDetails, readShown } from './shown-executions.js';
import { ENDED, OWNED } from './sql.js';
import { readValue, StoredJson, VALUES } from './stored-json.js';
import { writeChanges } from './write-changes.js';

const byIds = (name: string, columns: string): Statement => ({
  name,
  text: `SELECT ${columns} FROM executions e WHERE e.id = ANY($1::uuid[])`,
});

/** The reads by ids. */
const READ_ROWS = byIds('read_rows', ROW_COLUMNS);
/** $2 the most bytes of an input. The size on disk, which is smaller or the same, is known without reading the input. */
const IS_INPUT_LARGE = `(pg_column_size(e.input) > $2::int OR octet_length(e.input::text) > $2::int)`;
const READ_ROWS_WITH_INPUT = byIds(
  'read_rows_with_input',
  `${ROW_COLUMNS}, CASE WHEN ${IS_INPUT_LARGE} THEN NULL ELSE e.input END AS input,
  ${IS_INPUT_LARGE} AS "isInputLarge"`,
);
const READ_RECORDS = byIds('read_records', RECORD_COLUMNS);
/** The bytes of a value that comes with the others of a batch. */
const SMALL_VALUE = 16 * 1024;
const valueColumns = (name: string): string => `
  octet_length(e.${name}::text) AS "${name}Bytes",
  CASE WHEN octet_length(e.${name}::text) <= ${SMALL_VALUE} THEN e.${name}::text END AS ${name}`;
const READ_ANSWERS = byIds('read_answers', [VALUELESS_COLUMNS, ...VALUES.map(valueColumns)].join(', '));
const READ_STATES = byIds('read_states', 'e.id AS "executionId", e.state, e.last_event_seq AS seq');

/** $1 workflow name, $2 idempotency key */
const FIND_BY_KEY: Statement = {
  name: 'find_by_key',
  text: 'SELECT id FROM executions WHERE workflow_name = $1 AND idempotency_key = $2',
};

/**
 * $1 now, $2 whether messages can be sent, $3 most rows. While there is no broker, only executions that need no
 * message are looked at. The others stay due, and their messages are sent on the broker's return.
 */
const FIND_DUE: Statement = {
  name: 'read_due',
  text: `
SELECT id FROM executions
WHERE due_at <= $1::timestamptz
  AND ($2::boolean OR timeout_at <= $1::timestamptz OR (state = 'CANCELLING' AND worker_id IS NULL)
    OR delayed_cancel_at <= $1::timestamptz)
ORDER BY due_at
LIMIT $3::int`,
};

/** $1 parent's id */
const FIND_OPEN_CHILDREN: Statement = {
  name: 'read_open_children',
  text: `
SELECT id FROM executions
WHERE parent_execution_id = $1::uuid AND state NOT IN (${ENDED})`,
};

/** $1 worker id */
const READ_OWNED: Statement = {
  name: 'read_owned',
  text: `
SELECT ${ROW_COLUMNS}
FROM executions e
WHERE e.worker_id = $1 AND e.state IN (${OWNED})`,
};

/**
 * $1 milliseconds since a worker was lost, $2 since it has stopped, $3 most rows. A lost worker that lives has
 * stopped its executions by then. The last checkpoints of a stopped worker may still be in their queue.
 */
const FIND_ORPHANS: Statement = {
  name: 'read_orphans',
  text: `
SELECT e.id AS "executionId", w.id AS "workerId", w.state AS "workerState",
  (w.state = 'lost' AND w.lease_until <= w.lost_at) AS "isSilent"
FROM workers w
JOIN executions e ON e.worker_id = w.id AND e.state IN (${OWNED})
WHERE (w.state = 'lost' AND w.lost_at <= now() - $1::float8 * interval '1 millisecond')
  OR (w.state = 'stopped' AND w.last_seen_at < now() - $2::float8 * interval '1 millisecond')
-- Those of lost workers first.
ORDER BY w.state
LIMIT $3::int`,
};

/** $1 ids of outbox rows */
const CONSUME_OUTBOX: Statement = {
  name: 'consume_outbox',
  text: 'DELETE FROM outbox WHERE id = ANY($1::uuid[])',
};

/** The {@link ExecutionStore} on PostgreSQL. */
export function postgresExecutions(database: Database): ExecutionStore {
  const now = (): number => database.now();
  const read = async <Row extends ExecutionRow>(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> => (await database.query<Row>(statement, values)).map(fromColumns);
  const find = async (statement: Statement, values: readonly unknown[]): Promise<string[]> =>
    (await database.query<{ id: string }>(statement, values)).map(({ id }) => id);
  return {
    now,
    readRows: (ids) => read(READ_ROWS, [ids]),
    readRowsWithInput: (ids, mostBytes) => read(READ_ROWS_WITH_INPUT, [ids, mostBytes]),
    readRecords: (ids) => read(READ_RECORDS, [ids]),
    readAnswers: async (ids) => (await read<SelectedAnswer>(READ_ANSWERS, [ids])).map(withStoredJson),
    readShown: (id, bytes) => readShown(database, id, bytes),
    readDetails: (id) => readDetails(database, id),
    readValue: (id, name) => readValue(database, id, name),
    readStates: (ids) => database.query<StateUpdate>(READ_STATES, [ids]),
    findByKey: async (workflowName, key) => (await find(FIND_BY_KEY, [workflowName, key]))[0],
    findDue: (limit, canSend) => find(FIND_DUE, [isoOrNull(now()), canSend, limit]),
    findOpenChildren: (parentId) => find(FIND_OPEN_CHILDREN, [parentId]),
    readOwned: (workerId) => read(READ_OWNED, [workerId]),
    findOrphans: (...limits) => database.query<Orphan>(FIND_ORPHANS, limits),
    insert: (starts) => insertStarts(database, starts, now()),
    write: (writes) =>
      writes.some(isMore)
        ? database.transaction((tx) => writeFamily(tx, writes, now()))
        : writeChanges(database, writes, now()),
  };
}

/** $1 ids and $2 numbers of events */
const READ_VALUES: Statement = {
  name: 'read_values',
  text: `
SELECT execution_id AS "executionId", seq, data
FROM execution_events
WHERE (execution_id, seq) IN (SELECT * FROM unnest($1::uuid[], $2::int[]))`,
};

/** A record whose values are text; `null` for a large one. */
interface SelectedAnswer extends Omit<ExecutionRecord, 'input' | 'output'> {
  input: unknown;
  output: unknown;
  readonly inputBytes: number | null;
  readonly outputBytes: number | null;
}

/** Changes the row in place: requests are many. */
function withStoredJson(row: SelectedAnswer): ExecutionRecord {
  const { inputBytes, outputBytes } = row;
  row.input = inputBytes === null ? null : new StoredJson(row.input as string | null, inputBytes);
  row.output = outputBytes === null ? null : new StoredJson(row.output as string | null, outputBytes);
  return row;
}

/** Whether a write has to do with more than its own row. */
function isMore({ children, consumed, events }: Write): boolean {
  return (
    children.length > 0 || consumed.length > 0 || events.some(({ valueFrom }) => valueFrom !== undefined)
  );
}

/** The writes with the values that they take over from earlier events. */
async function withValues(tx: Sql, writes: readonly Write[]): Promise<readonly Write[]> {
  const wanted = writes.flatMap(({ row, events }) =>
    events.flatMap(({ valueFrom }) => (valueFrom === undefined ? [] : [{ id: row.id, seq: valueFrom }])),
  );
  if (wanted.length === 0) return writes;
  const parameters = [wanted.map(({ id }) => id), wanted.map(({ seq }) => seq)];
  const found = await tx.query<StoredValue>(READ_VALUES, parameters);
  const values = new Map(found.map(({ executionId, seq, data }) => [`${executionId} ${seq}`, data.value]));
  return writes.map((write) => ({
    ...write,
    row: write.row,
    events: write.events.map((event) => withValue(event, values.get(`${write.row.id} ${event.valueFrom}`))),
  }));
}

interface StoredValue {
  readonly executionId: string;
  readonly seq: number;
  readonly data: { readonly value: unknown };
}

/** Writes changes with the values they take over, the children they start, the cancels of those that are caught, and the end of outbox rows. */
async function writeFamily(tx: Sql, writes: readonly Write[], now: number): Promise<Set<string>> {
  const written = await writeChanges(tx, await withValues(tx, writes), now);
  const done = writes.filter(({ row }) => written.has(row.id));
  const children = done.flatMap((write) => write.children);
  if (children.length > 0) await insertChildren(tx, children, now);
  const caught = children.flatMap((child) => child.caught ?? []);
  if (caught.length > 0) await writeChanges(tx, caught, now);
  const consumed = done.flatMap((write) => write.consumed);
  if (consumed.length > 0) await tx.query(CONSUME_OUTBOX, [consumed]);
  return written;
}

async function insertChildren(tx: Sql, children: readonly PendingChild[], now: number): Promise<void> {
  const created = await insertStarts(tx, children, now);
  if (created.size < children.length) throw new ChildIdTakenError('the id of a child is taken');
}
