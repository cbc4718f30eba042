import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How often runners died of an execution in a row, and which runners of a worker are blocked. */
export class Runners1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE executions ADD COLUMN runner_losses integer NOT NULL DEFAULT 0');
    await runner.query("ALTER TABLE workers ADD COLUMN blocked json NOT NULL DEFAULT '[]'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE executions DROP COLUMN runner_losses');
    await runner.query('ALTER TABLE workers DROP COLUMN blocked');
  }
}
