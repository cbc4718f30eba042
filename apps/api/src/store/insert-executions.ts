import type { Sql, Statement } from '../database/database.js';
import type { CancelKey } from '../lifecycle/change.js';
import { OUTBOX_LEASE_MS } from '../lifecycle/messages.js';
import { isoOrNull } from '../lifecycle/timing.js';
import { START_COLUMNS, START_NAMES, START_VALUES } from './execution-columns.js';
import type { Start } from './ports.js';
import { rowsParameter, type Given } from './sql.js';

const WANTED = rowsParameter<Start>('wanted', 1, [
  ...START_COLUMNS.map(([name, type, value]): Given<Start> => [
    name,
    type,
    ({ start }) => value(start.record),
  ]),
  ['idempotency_key', 'text', ({ start }) => start.idempotencyKey ?? null],
  ['requested_by', 'text', ({ start }) => start.requestedBy],
  ['outbox_id', 'uuid', ({ run }) => run.id],
]);
const KEYS = rowsParameter<CancelKey & { readonly id: string }>('keyed', WANTED.next, [
  ['execution_id', 'uuid', ({ id }) => id],
  ['event', 'text', ({ event }) => event],
  ['key', 'text', ({ key }) => key],
]);
const LEASE = `$${KEYS.next}::timestamptz`;

/**
 * Creates many executions with their first events, their run messages and the events that cancel them, in one
 * statement and so in one transaction: a reader that sees an execution sees its keys. Answers with the ids of those
 * created; an execution whose id or idempotency key exists is left out. The last parameter is until when the outbox
 * rows belong to this replica.
 */
export const INSERT_EXECUTIONS: Statement = {
  name: 'insert_executions',
  text: `
WITH wanted AS MATERIALIZED (
  SELECT * FROM ${WANTED.text}
), inserted AS (
  INSERT INTO executions (${START_NAMES}, idempotency_key, requested_by)
  SELECT ${START_VALUES}, wanted.idempotency_key, wanted.requested_by
  FROM wanted
  ON CONFLICT DO NOTHING
  RETURNING id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT id, last_event_seq, 'execution_scheduled', created_at, 0, json_build_object('requestedBy', requested_by)
  FROM wanted
  -- IS TRUE keeps this a hashed look-up; as a join it would be a nested loop over two unindexed sets.
  WHERE (id IN (SELECT id FROM inserted)) IS TRUE
), queued AS (
  INSERT INTO outbox (id, kind, target, body, due_at)
  SELECT outbox_id, 'run', workflow_name,
    json_build_object('executionId', id, 'workflowName', workflow_name), ${LEASE}
  FROM wanted
  WHERE (id IN (SELECT id FROM inserted)) IS TRUE
), correlated AS (
  INSERT INTO execution_cancel_keys (execution_id, event, key)
  SELECT * FROM ${KEYS.text}
  WHERE (execution_id IN (SELECT id FROM inserted)) IS TRUE
)
SELECT id FROM inserted`,
};

/** Inserts executions; resolves with the ids of those that are new. */
export async function insertStarts(sql: Sql, starts: readonly Start[], now: number): Promise<Set<string>> {
  const keys = starts.flatMap(({ start: { record, cancelKeys } }) =>
    cancelKeys.map((each) => ({ ...each, id: record.id })),
  );
  const values = [...WANTED.values(starts), ...KEYS.values(keys), isoOrNull(now + OUTBOX_LEASE_MS)];
  const rows = await sql.query<{ id: string }>(INSERT_EXECUTIONS, values);
  return new Set(rows.map(({ id }) => id));
}
