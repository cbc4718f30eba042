import type { Statement } from '../../database/database.js';

/**
 * Creates many executions with their first events and run messages, in one statement and so in one transaction;
 * answers with the ids of those created. An execution whose id or idempotency key exists is left out.
 *
 * $1–$10 executions, $11 ids of their outbox rows, $12 until when the outbox rows belong to this replica; $13–$15
 * executions too, whose children they are;
 * $16–$18 the events that cancel them, so that whoever sees an execution sees its keys.
 */
export const INSERT_EXECUTIONS: Statement = {
  name: 'insert_executions',
  text: `
WITH wanted AS MATERIALIZED (
  SELECT *
  FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
    $9::timestamptz[], $10::float8[], $11::uuid[], $13::uuid[], $14::uuid[], $15::text[]
  ) AS wanted (
    id, workflow_name, input, labels, idempotency_key, requested_by, created_at, timeout_at,
    next_dispatch_at, grace_period_ms, outbox_id, parent_execution_id, root_execution_id, parent_link
  )
), inserted AS (
  INSERT INTO executions (
    id, workflow_name, state, input, labels, idempotency_key, requested_by, created_at, timeout_at,
    next_dispatch_at, due_at, grace_period_ms, last_event_seq, parent_execution_id, root_execution_id, parent_link
  )
  SELECT
    id, workflow_name, 'SCHEDULED', input::json, labels::jsonb, idempotency_key, requested_by, created_at, timeout_at,
    next_dispatch_at, LEAST(next_dispatch_at, timeout_at), grace_period_ms, 1,
    parent_execution_id, root_execution_id, parent_link::json
  FROM wanted
  ON CONFLICT DO NOTHING
  RETURNING id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT id, 1, 'execution_scheduled', created_at, 0, json_build_object('requestedBy', requested_by)
  FROM wanted
  -- IS TRUE keeps this a hashed look-up; as a join it would be a nested loop over two unindexed sets.
  WHERE (id IN (SELECT id FROM inserted)) IS TRUE
), queued AS (
  INSERT INTO outbox (id, kind, target, body, due_at)
  SELECT outbox_id, 'run', workflow_name,
    json_build_object('executionId', id, 'workflowName', workflow_name), $12::timestamptz
  FROM wanted
  WHERE (id IN (SELECT id FROM inserted)) IS TRUE
), correlated AS (
  INSERT INTO execution_cancel_keys (execution_id, event, key)
  SELECT * FROM unnest($16::uuid[], $17::text[], $18::text[]) AS keyed (execution_id, event, key)
  WHERE (execution_id IN (SELECT id FROM inserted)) IS TRUE
)
SELECT id FROM inserted`,
};

/** $1 workflow name, $2 idempotency key → the id they belong to */
export const FIND_BY_KEY: Statement = {
  name: 'find_by_key',
  text: 'SELECT id FROM executions WHERE workflow_name = $1 AND idempotency_key = $2',
};
