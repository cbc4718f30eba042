SELECT e.id,
  e.workflow_name AS "workflowName",
  e.workflow_version AS "workflowVersion",
  e.state,
  e.version,
  e.attempt,
  e.worker_id AS "workerId",
  e.claim_id AS "claimId",
  e.checkpoint_seq AS "checkpointSeq",
  e.last_event_seq AS "lastEventSeq",
  (extract(epoch FROM e.started_at) * 1000)::float8 AS "startedAt",
  (extract(epoch FROM e.finished_at) * 1000)::float8 AS "finishedAt",
  (extract(epoch FROM e.timeout_at) * 1000)::float8 AS "timeoutAt",
  e.grace_period_ms AS "gracePeriodMs",
  e.cancellation,
  e.parking,
  e.parent_link AS "parent",
  e.children,
  (extract(epoch FROM e.next_dispatch_at) * 1000)::float8 AS "nextDispatchAt",
  e.dispatch_count AS "dispatchCount",
  e.runner_losses AS "runnerLosses",
  e.input,
  e.output,
  e.error,
  e.labels,
  e.parent_execution_id AS "parentExecutionId",
  e.root_execution_id AS "rootExecutionId",
  (extract(epoch FROM e.created_at) * 1000)::float8 AS "createdAt"
FROM executions e;

WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::float8[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::uuid[], $12::uuid[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::uuid[]) AS wanted (id, workflow_name, state, last_event_seq, timeout_at, grace_period_ms, parent_link, next_dispatch_at, input, labels, parent_execution_id, root_execution_id, created_at, due_at, idempotency_key, requested_by, outbox_id)
), inserted AS (
  INSERT INTO executions (id, workflow_name, state, last_event_seq, timeout_at, grace_period_ms, parent_link, next_dispatch_at, input, labels, parent_execution_id, root_execution_id, created_at, due_at, idempotency_key, requested_by)
  SELECT wanted.id, wanted.workflow_name, wanted.state, wanted.last_event_seq, wanted.timeout_at, wanted.grace_period_ms, wanted.parent_link::json, wanted.next_dispatch_at, wanted.input::json, wanted.labels::jsonb, wanted.parent_execution_id, wanted.root_execution_id, wanted.created_at, wanted.due_at, wanted.idempotency_key, wanted.requested_by
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
    json_build_object('executionId', id, 'workflowName', workflow_name), $21::timestamptz
  FROM wanted
  WHERE (id IN (SELECT id FROM inserted)) IS TRUE
), correlated AS (
  INSERT INTO execution_cancel_keys (execution_id, event, key)
  SELECT * FROM unnest($18::uuid[], $19::text[], $20::text[]) AS keyed (execution_id, event, key)
  WHERE (execution_id IN (SELECT id FROM inserted)) IS TRUE
)
SELECT id FROM inserted;

WITH locked AS MATERIALIZED (
  SELECT change.*, unchanged.place
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::int[], $9::int[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::float8[], $14::text[], $15::text[], $16::text[], $17::timestamptz[], $18::int[], $19::int[], $20::text[], $21::text[], $22::timestamptz[], $23::timestamptz[]) AS change (id, version, workflow_version, state, attempt, worker_id, claim_id, checkpoint_seq, last_event_seq, started_at, finished_at, timeout_at, grace_period_ms, cancellation, parking, children, next_dispatch_at, dispatch_count, runner_losses, output, error, due_at, delayed_cancel_at),
    LATERAL (
      SELECT e.ctid AS place FROM executions e
      WHERE e.id = change.id AND e.version = change.version
      FOR NO KEY UPDATE
    ) AS unchanged
), written AS (
  UPDATE executions e SET
    version = e.version + 1,
    workflow_version = change.workflow_version,
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
    children = change.children::json,
    next_dispatch_at = change.next_dispatch_at,
    dispatch_count = change.dispatch_count,
    runner_losses = change.runner_losses,
    output = COALESCE(change.output::json, e.output),
    error = COALESCE(change.error::json, e.error),
    due_at = change.due_at,
    delayed_cancel_at = change.delayed_cancel_at
  FROM locked change
  -- Not by id: planned on a small table, that join could read all of it for each row. Locked rows do not move.
  WHERE e.ctid = change.place
  RETURNING e.id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT event.execution_id, event.seq, event.type, event.at, event.attempt, event.data::json
  FROM unnest($24::uuid[], $25::int[], $26::text[], $27::timestamptz[], $28::int[], $29::text[]) AS event (execution_id, seq, type, at, attempt, data)
  -- IS TRUE keeps this a hashed look-up; as a join it would be a nested loop over two unindexed sets.
  WHERE (event.execution_id IN (SELECT id FROM locked)) IS TRUE
), queued AS (
  INSERT INTO outbox (id, kind, target, body, due_at)
  SELECT message.id, message.kind, message.target, message.body::json, $35::timestamptz
  FROM unnest($30::uuid[], $31::text[], $32::text[], $33::text[], $34::uuid[]) AS message (id, kind, target, body, execution_id)
  WHERE (message.execution_id IN (SELECT id FROM locked)) IS TRUE
)
SELECT id FROM written;
