import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which events cancel an execution. A table of its own, since few executions have such keys, and their rows would
 * otherwise carry an index entry through every write. Keys go with their execution.
 */
const UP = [
  'ALTER TABLE workflows ADD COLUMN cancel_on json',
  `CREATE TABLE execution_cancel_keys (
    event text NOT NULL,
    key text NOT NULL,
    execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    PRIMARY KEY (event, key, execution_id)
  )`,
  'CREATE INDEX execution_cancel_keys_of ON execution_cancel_keys (execution_id)',
];

export class CancelKeys1764820000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE execution_cancel_keys');
    await runner.query('ALTER TABLE workflows DROP COLUMN cancel_on');
  }
}
