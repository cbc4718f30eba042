import type { Statement } from '../../database/database.js';

/**
 * Writes many changes, with their events and outbox rows, in one statement and so in one transaction; answers with
 * the ids that were written. A change whose execution has been written since it was decided on is left out whole:
 * its version, and with it the state, the attempt and the owner that the transition table was asked about, is no
 * longer the row's.
 *
 * $1–$19 changes, ordered by id so that concurrent batches take their locks in the same order and never deadlock;
 * $20–$25 events; $26–$31 outbox rows; $32–$34 more of the changes.
 */
export const WRITE_CHANGES: Statement = {
  name: 'write_changes',
  text: `
WITH locked AS MATERIALIZED (
  SELECT change.*, unchanged.place
  FROM unnest(
      $1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[], $8::int[],
      $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[], $14::text[],
      $15::timestamptz[], $16::int[], $17::timestamptz[], $18::float8[], $19::text[],
      $32::text[], $33::text[], $34::int[]
    ) AS change (
      id, version, state, attempt, worker_id, claim_id, checkpoint_seq, last_event_seq,
      started_at, finished_at, timeout_at, cancellation, output, error,
      next_dispatch_at, dispatch_count, due_at, grace_period_ms, parking,
      workflow_version, children, runner_losses
    ),
    LATERAL (
      SELECT e.ctid AS place FROM executions e
      WHERE e.id = change.id AND e.version = change.version
      FOR NO KEY UPDATE
    ) AS unchanged
), written AS (
  UPDATE executions e SET
    version = e.version + 1,
    state = change.state,
    attempt = change.attempt,
    worker_id = change.worker_id,
    claim_id = change.claim_id,
    checkpoint_seq = change.checkpoint_seq,
    last_event_seq = change.last_event_seq,
    started_at = change.started_at,
    finished_at = change.finished_at,
    timeout_at = change.timeout_at,
    grace_period_ms = change.grace_period_ms,
    cancellation = change.cancellation::json,
    parking = change.parking::json,
    workflow_version = change.workflow_version,
    children = change.children::json,
    runner_losses = change.runner_losses,
    output = COALESCE(change.output::json, e.output),
    error = COALESCE(change.error::json, e.error),
    next_dispatch_at = change.next_dispatch_at,
    dispatch_count = change.dispatch_count,
    due_at = change.due_at
  FROM locked change
  -- Not by id: planned on a small table, that join could read all of it for each row. Locked rows do not move.
  WHERE e.ctid = change.place
  RETURNING e.id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT event.execution_id, event.seq, event.type, event.at, event.attempt, event.data::json
  FROM unnest($20::uuid[], $21::int[], $22::text[], $23::timestamptz[], $24::int[], $25::text[])
    AS event (execution_id, seq, type, at, attempt, data)
  -- IS TRUE keeps this a hashed look-up; as a join it would be a nested loop over two unindexed sets.
  WHERE (event.execution_id IN (SELECT id FROM locked)) IS TRUE
), queued AS (
  INSERT INTO outbox (id, kind, target, body, due_at)
  SELECT message.id, message.kind, message.target, message.body::json, message.due_at
  FROM unnest($26::uuid[], $27::text[], $28::text[], $29::text[], $30::timestamptz[], $31::uuid[])
    AS message (id, kind, target, body, due_at, execution_id)
  WHERE (message.execution_id IN (SELECT id FROM locked)) IS TRUE
)
SELECT id FROM written`,
};
