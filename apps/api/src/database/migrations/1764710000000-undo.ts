import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who has a bulk cancel taken back, and why. */
export class Undo1764710000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE cancellations ADD COLUMN undo json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE cancellations DROP COLUMN undo');
  }
}
