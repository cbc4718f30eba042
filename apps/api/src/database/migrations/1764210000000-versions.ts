import type { MigrationInterface, QueryRunner } from 'typeorm';

/** `''` stands for no version, since a key has no null. */
const UP = [
  // Of the workflow: the one an execution began on; null before that, and without one.
  'ALTER TABLE executions ADD COLUMN workflow_version text',
  `ALTER TABLE workflows ADD COLUMN version text NOT NULL DEFAULT '', ADD COLUMN first_registered_at timestamptz`,
  'UPDATE workflows SET first_registered_at = registered_at',
  'ALTER TABLE workflows ALTER COLUMN first_registered_at SET NOT NULL',
  'ALTER TABLE workflows DROP CONSTRAINT workflows_pkey, ADD PRIMARY KEY (name, version)',
  // The version of each of its workflows, at the same index.
  'ALTER TABLE workers ADD COLUMN versions text[]',
  `UPDATE workers SET versions = array_fill(''::text, ARRAY[cardinality(workflows)])`,
  'ALTER TABLE workers ALTER COLUMN versions SET NOT NULL',
];

const DOWN = [
  'ALTER TABLE workers DROP COLUMN versions',
  `DELETE FROM workflows older USING workflows newer
    WHERE older.name = newer.name
      AND (older.first_registered_at, older.version) < (newer.first_registered_at, newer.version)`,
  'ALTER TABLE workflows DROP CONSTRAINT workflows_pkey, ADD PRIMARY KEY (name)',
  'ALTER TABLE workflows DROP COLUMN version, DROP COLUMN first_registered_at',
  'ALTER TABLE executions DROP COLUMN workflow_version',
];

export class Versions1764210000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
