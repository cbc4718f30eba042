import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a worker was found lost: what it held goes to others a moment later, once it must have stopped by itself. */
export class LostAt1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workers ADD COLUMN lost_at timestamptz');
    await runner.query("UPDATE workers SET lost_at = now() WHERE state = 'lost'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE workers DROP COLUMN lost_at');
  }
}
