import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `json`, not `jsonb`, for what users send: it keeps the order of keys and takes `\u0000`. No foreign keys on the hot
 * tables: each would cost a locked look-up per row, and only the api writes.
 */
const UP = [
  `CREATE TABLE executions (
    id uuid PRIMARY KEY,
    workflow_name text NOT NULL,
    state text NOT NULL,
    -- Raised by every write; a write names the version it was decided on.
    version integer NOT NULL DEFAULT 1,
    input json NOT NULL,
    output json,
    error json,
    labels jsonb NOT NULL,
    parent_execution_id uuid,
    idempotency_key text,
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    worker_id text,
    claim_id text,
    -- The last applied checkpoint of this attempt.
    checkpoint_seq integer NOT NULL DEFAULT 0,
    last_event_seq integer NOT NULL,
    grace_period_ms double precision,
    timeout_at timestamptz,
    cancellation json,
    -- When its run or cancel message is sent again, and how often it was.
    next_dispatch_at timestamptz,
    dispatch_count integer NOT NULL DEFAULT 0,
    -- When the sweeper has to look at it next; null: never.
    due_at timestamptz
  )`,
  `CREATE UNIQUE INDEX executions_idempotency ON executions (workflow_name, idempotency_key)
    WHERE idempotency_key IS NOT NULL`,
  // Without the id, which breaks ties when sorted: so only the primary key can serve a look-up by id, and a plan made
  // while the table was small cannot take another index for it.
  'CREATE INDEX executions_newest ON executions (created_at DESC)',
  'CREATE INDEX executions_of_workflow ON executions (workflow_name, created_at DESC)',
  'CREATE INDEX executions_in_state ON executions (state, created_at DESC)',
  `CREATE INDEX executions_of_parent ON executions (parent_execution_id, created_at DESC)
    WHERE parent_execution_id IS NOT NULL`,
  `CREATE INDEX executions_labels ON executions USING gin (labels jsonb_path_ops) WHERE labels <> '{}'`,
  `CREATE INDEX executions_owned ON executions (worker_id)
    WHERE worker_id IS NOT NULL AND state IN ('RUNNING', 'CANCELLING')`,
  'CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL',
  `CREATE TABLE execution_events (
    execution_id uuid NOT NULL,
    seq integer NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    attempt integer NOT NULL,
    data json NOT NULL,
    PRIMARY KEY (execution_id, seq)
  )`,
  `CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    target text NOT NULL,
    body json NOT NULL,
    -- Until then it is being published by whoever wrote or took it.
    due_at timestamptz NOT NULL
  ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)`,
  'CREATE INDEX outbox_due ON outbox (due_at)',
  `CREATE TABLE workers (
    id text PRIMARY KEY,
    name text NOT NULL,
    state text NOT NULL,
    concurrency integer NOT NULL,
    runners integer NOT NULL,
    workflows text[] NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL
  )`,
  'CREATE INDEX workers_in_state ON workers (state)',
  `CREATE TABLE workflows (
    name text PRIMARY KEY,
    input_schema json,
    grace_period_ms double precision,
    timeout_ms double precision,
    runner text NOT NULL,
    registered_at timestamptz NOT NULL
  )`,
];

export class Initial1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE executions, execution_events, outbox, workers, workflows');
  }
}
