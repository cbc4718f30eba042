import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One column for all that is known of an execution's waiting, null for most: the hot statements carry one value more,
 * and when a sleep is due stands in `due_at`, whose index the sweeper has anyway.
 */
export class Parking1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE executions ADD COLUMN parking json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE executions DROP COLUMN parking');
  }
}
