import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Null for most: what a child knows of its parent never changes, and a parent keeps counts, not a list. */
export class Children1764220000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE executions
      ADD COLUMN root_execution_id uuid, ADD COLUMN parent_link json, ADD COLUMN children json`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE executions
      DROP COLUMN root_execution_id, DROP COLUMN parent_link, DROP COLUMN children`);
  }
}
