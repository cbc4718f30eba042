import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Bulk cancels: the job with its counts, the executions of its snapshot by position, and the chunks of positions that
 * a replica works on. The counts are kept beside the items, by the same statements, so that progress is one row to read.
 */
const UP = [
  `CREATE TABLE cancellations (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    filter json,
    event json,
    requested_by text NOT NULL,
    reason text,
    cause text NOT NULL,
    force boolean NOT NULL,
    grace_period_ms double precision,
    rate_per_second double precision,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- Where the next chunk begins, and when it may be taken.
    next_position integer NOT NULL DEFAULT 1,
    next_at timestamptz NOT NULL DEFAULT now(),
    total integer NOT NULL,
    requested integer NOT NULL DEFAULT 0,
    cancelled integer NOT NULL DEFAULT 0,
    completed integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    already_finished integer NOT NULL DEFAULT 0,
    gone integer NOT NULL DEFAULT 0,
    undone integer NOT NULL DEFAULT 0
  )`,
  'CREATE INDEX cancellations_open ON cancellations (id) WHERE finished_at IS NULL',
  'CREATE INDEX cancellations_finished ON cancellations (finished_at) WHERE finished_at IS NOT NULL',
  `CREATE TABLE cancellation_items (
    cancellation_id uuid NOT NULL,
    position integer NOT NULL,
    execution_id uuid NOT NULL,
    outcome text NOT NULL DEFAULT 'waiting',
    PRIMARY KEY (cancellation_id, position)
  )`,
  `CREATE INDEX cancellation_items_requested ON cancellation_items (cancellation_id, position)
    WHERE outcome = 'requested'`,
  `CREATE TABLE cancellation_chunks (
    cancellation_id uuid NOT NULL,
    first integer NOT NULL,
    last integer NOT NULL,
    -- Until then it belongs to whoever took it.
    lease_until timestamptz NOT NULL,
    PRIMARY KEY (cancellation_id, first)
  )`,
];

export class Cancellations1764110000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cancellations, cancellation_items, cancellation_chunks');
  }
}
