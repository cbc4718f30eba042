import type { MigrationInterface, QueryRunner } from 'typeorm';

/** @param name ends with the time at which it was written, by which migrations are ordered */
function migration(
  name: string,
  up: readonly string[],
  down: readonly string[],
): new () => MigrationInterface {
  const run = async (runner: QueryRunner, statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await runner.query(statement);
  };
  return class implements MigrationInterface {
    readonly name = name;

    up(runner: QueryRunner): Promise<void> {
      return run(runner, up);
    }

    down(runner: QueryRunner): Promise<void> {
      return run(runner, down);
    }
  };
}

/** All changes of the schema so far. One that has been released stays as it is. */
export const MIGRATIONS = [
  /**
   * `json`, not `jsonb`, for what users send: it keeps the order of keys and takes `\u0000`. No foreign keys on the hot
   * tables: each would cost a locked look-up per row, and only the api writes.
   */
  migration(
    'Initial1763800000000',
    [
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
      // The index is without the id, which breaks ties when sorted. Only the primary key can then serve a look-up by id,
      // and a plan made while the table was small cannot take another index for it.
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
    ],
    ['DROP TABLE executions, execution_events, outbox, workers, workflows'],
  ),
  /**
   * A single column has all that is known of an execution's waiting, null for most: the hot statements carry one value
   * more. The time when a sleep is due stands in `due_at`, whose index the sweeper has anyway.
   */
  migration(
    'Parking1764000000000',
    ['ALTER TABLE executions ADD COLUMN parking json'],
    ['ALTER TABLE executions DROP COLUMN parking'],
  ),
  /** When a worker was found lost: what it held goes to others a moment later, once it must have stopped by itself. */
  migration(
    'LostAt1764100000000',
    [
      'ALTER TABLE workers ADD COLUMN lost_at timestamptz',
      "UPDATE workers SET lost_at = now() WHERE state = 'lost'",
    ],
    ['ALTER TABLE workers DROP COLUMN lost_at'],
  ),
  /**
   * Bulk cancels: the job with its counts, the executions of its snapshot by position, and the chunks of positions that
   * a replica works on. The counts are kept beside the items, by the same statements, so that progress is one row to read.
   */
  migration(
    'Cancellations1764110000000',
    [
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
    ],
    ['DROP TABLE cancellations, cancellation_items, cancellation_chunks'],
  ),
  /** `''` stands for no version, since a key has no null. */
  migration(
    'Versions1764210000000',
    [
      // The version of the workflow that an execution began on; null before that, and without one.
      'ALTER TABLE executions ADD COLUMN workflow_version text',
      `ALTER TABLE workflows ADD COLUMN version text NOT NULL DEFAULT '', ADD COLUMN first_registered_at timestamptz`,
      'UPDATE workflows SET first_registered_at = registered_at',
      'ALTER TABLE workflows ALTER COLUMN first_registered_at SET NOT NULL',
      'ALTER TABLE workflows DROP CONSTRAINT workflows_pkey, ADD PRIMARY KEY (name, version)',
      // The version of each of its workflows, at the same index.
      'ALTER TABLE workers ADD COLUMN versions text[]',
      `UPDATE workers SET versions = array_fill(''::text, ARRAY[cardinality(workflows)])`,
      'ALTER TABLE workers ALTER COLUMN versions SET NOT NULL',
    ],
    [
      'ALTER TABLE workers DROP COLUMN versions',
      `DELETE FROM workflows older USING workflows newer
        WHERE older.name = newer.name
          AND (older.first_registered_at, older.version) < (newer.first_registered_at, newer.version)`,
      'ALTER TABLE workflows DROP CONSTRAINT workflows_pkey, ADD PRIMARY KEY (name)',
      'ALTER TABLE workflows DROP COLUMN version, DROP COLUMN first_registered_at',
      'ALTER TABLE executions DROP COLUMN workflow_version',
    ],
  ),
  /** Null for most: what a child knows of its parent never changes, and a parent keeps counts, not a list. */
  migration(
    'Children1764220000000',
    [
      `ALTER TABLE executions
          ADD COLUMN root_execution_id uuid, ADD COLUMN parent_link json, ADD COLUMN children json`,
    ],
    [
      `ALTER TABLE executions
          DROP COLUMN root_execution_id, DROP COLUMN parent_link, DROP COLUMN children`,
    ],
  ),
  migration(
    'Schedules1764700000000',
    [
      `CREATE TABLE schedules (
        -- "C": pages follow the order of bytes, whatever the database's language.
        id text COLLATE "C" PRIMARY KEY,
        workflow_name text NOT NULL,
        spec json NOT NULL,
        paused boolean NOT NULL,
        created_at timestamptz NOT NULL,
        created_by text NOT NULL,
        updated_at timestamptz NOT NULL,
        updated_by text NOT NULL,
        -- Where the grid of an interval begins.
        anchor_at timestamptz NOT NULL,
        next_fire_at timestamptz,
        -- No time up to it is planned again, whatever changes.
        last_planned_at timestamptz,
        -- The number of its last fire, and of the one that waits.
        fire_seq integer NOT NULL DEFAULT 0,
        waiting_seq integer,
        last_execution_id uuid,
        -- When the scheduler has to look at it next; null: never.
        due_at timestamptz
      )`,
      'CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL',
      'CREATE INDEX schedules_of_workflow ON schedules (workflow_name, id)',
      `CREATE TABLE schedule_fires (
        schedule_id text COLLATE "C" NOT NULL,
        seq integer NOT NULL,
        planned_at timestamptz NOT NULL,
        fired_at timestamptz NOT NULL,
        triggered_by text,
        outcome text NOT NULL,
        execution_id uuid,
        reason text,
        code text,
        count integer NOT NULL,
        last_planned_at timestamptz,
        PRIMARY KEY (schedule_id, seq)
      )`,
      // The last guard of 'once': whatever else may fail, no planned time has two fires.
      `CREATE UNIQUE INDEX schedule_fires_once ON schedule_fires (schedule_id, planned_at)
        WHERE triggered_by IS NULL`,
    ],
    ['DROP TABLE schedules, schedule_fires'],
  ),
  /** The caller who has a bulk cancel taken back, and the reason. */
  migration(
    'Undo1764710000000',
    ['ALTER TABLE cancellations ADD COLUMN undo json'],
    ['ALTER TABLE cancellations DROP COLUMN undo'],
  ),
  /** How often runners died of an execution in a row, and which runners of a worker are blocked. */
  migration(
    'Runners1764800000000',
    [
      'ALTER TABLE executions ADD COLUMN runner_losses integer NOT NULL DEFAULT 0',
      "ALTER TABLE workers ADD COLUMN blocked json NOT NULL DEFAULT '[]'",
    ],
    ['ALTER TABLE executions DROP COLUMN runner_losses', 'ALTER TABLE workers DROP COLUMN blocked'],
  ),
  /**
   * The events that cancel an execution. They have a table of their own, since few executions have such keys, and their
   * rows would otherwise carry an index entry through every write. Keys go with their execution.
   */
  migration(
    'CancelKeys1764820000000',
    [
      'ALTER TABLE workflows ADD COLUMN cancel_on json',
      `CREATE TABLE execution_cancel_keys (
        event text NOT NULL,
        key text NOT NULL,
        execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
        PRIMARY KEY (event, key, execution_id)
      )`,
      'CREATE INDEX execution_cancel_keys_of ON execution_cancel_keys (execution_id)',
    ],
    ['DROP TABLE execution_cancel_keys', 'ALTER TABLE workflows DROP COLUMN cancel_on'],
  ),
  /** When a delayed cancel begins; before, it stood in `parking` alone, which holds what users wrote. */
  migration(
    'DelayedCancelAt1764840000000',
    [
      'ALTER TABLE executions ADD COLUMN delayed_cancel_at timestamptz',
      // Looked at when it is due for whatever reason, and exact from its next write on.
      `UPDATE executions SET delayed_cancel_at = due_at
        WHERE due_at IS NOT NULL AND parking::text LIKE '%"delayedCancel":{%'`,
    ],
    ['ALTER TABLE executions DROP COLUMN delayed_cancel_at'],
  ),
  /** When a worker whose lease runs out was asked for a heartbeat; null once that has come. */
  migration(
    'AskedAt1764850000000',
    ['ALTER TABLE workers ADD COLUMN asked_at timestamptz'],
    ['ALTER TABLE workers DROP COLUMN asked_at'],
  ),
  /** The workflow files on a worker's disk that are not what it runs. */
  migration(
    'ChangedFiles1764900000000',
    ["ALTER TABLE workers ADD COLUMN changed_files json NOT NULL DEFAULT '[]'"],
    ['ALTER TABLE workers DROP COLUMN changed_files'],
  ),
  /**
   * What is too large for a message of the broker comes in pieces, which wait here for the message that refers to them.
   * They are compressed already, and short-lived.
   */
  migration(
    'ValuePieces1764910000000',
    [
      `CREATE TABLE value_pieces (
        value_id uuid NOT NULL,
        index integer NOT NULL,
        data bytea NOT NULL,
        put_at timestamptz NOT NULL,
        PRIMARY KEY (value_id, index)
      )`,
      'ALTER TABLE value_pieces ALTER COLUMN data SET STORAGE EXTERNAL',
      'CREATE INDEX value_pieces_put ON value_pieces (put_at)',
    ],
    ['DROP TABLE value_pieces'],
  ),
  /**
   * What the workers of a name were asked by hand. Without a row: nothing ever. It outlives them: the next worker of that
   * name obeys it too.
   */
  migration(
    'WorkerWishes1764980000000',
    [
      `CREATE TABLE worker_wishes (
        name text PRIMARY KEY,
        -- Counts the wishes: a worker tells by it which of two that it hears is the later one.
        number integer NOT NULL,
        -- Null: they were resumed.
        kind text,
        requested_by text NOT NULL,
        reason text,
        since timestamptz NOT NULL
      )`,
    ],
    ['DROP TABLE worker_wishes'],
  ),
  /** What executions left open in the shared runners of a worker. */
  migration(
    'Strays1764990000000',
    ["ALTER TABLE workers ADD COLUMN strays json NOT NULL DEFAULT '[]'"],
    ['ALTER TABLE workers DROP COLUMN strays'],
  ),
  /** Runners of kind `thread` are processes now. */
  migration(
    'RunnersAreProcesses1764995000000',
    ["UPDATE workflows SET runner = 'process' WHERE runner = 'thread'"],
    [],
  ),
];
