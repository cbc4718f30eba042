import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
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
];

export class Schedules1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE schedules, schedule_fires');
  }
}
