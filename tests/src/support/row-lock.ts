import { Client } from 'pg';
import { until } from '@flux/testing';
import { PATIENCE_MS } from './deployment.js';

/**
 * Holds the row of an execution, so that every write to it waits in the order of its arrival: what two writers do
 * at the same moment happens in the order that the test wants.
 */
export class RowLock {
  private constructor(private readonly client: Client) {}

  static async take(databaseUrl: string, executionId: string): Promise<RowLock> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM executions WHERE id = $1 FOR UPDATE', [executionId]);
    return new RowLock(client);
  }

  /** Resolves once `count` writers wait for the row: the first for this lock, each other one for those before it. */
  async waiting(count: number): Promise<void> {
    const sql = `
      WITH RECURSIVE waiter (pid) AS (
        SELECT pg_backend_pid()
        UNION
        SELECT activity.pid FROM pg_stat_activity activity JOIN waiter ON waiter.pid = ANY(pg_blocking_pids(activity.pid))
      )
      SELECT count(*)::int - 1 AS count FROM waiter`;
    const enough = async (): Promise<boolean> => {
      const { rows } = await this.client.query<{ count: number }>(sql);
      return (rows[0]?.count ?? 0) >= count;
    };
    await until(`${count} writers to wait for the row`, enough, PATIENCE_MS, 5);
  }

  async release(): Promise<void> {
    await this.client.query('COMMIT');
    await this.client.end();
  }
}
