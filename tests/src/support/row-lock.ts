import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
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

  /** Resolves once `count` writers wait for it: the first for this, each other one for those before it. */
  async waiting(count: number): Promise<void> {
    const sql = `
      WITH RECURSIVE waiter (pid) AS (
        SELECT pg_backend_pid()
        UNION
        SELECT activity.pid FROM pg_stat_activity activity JOIN waiter ON waiter.pid = ANY(pg_blocking_pids(activity.pid))
      )
      SELECT count(*)::int - 1 AS count FROM waiter`;
    for (const limit = Date.now() + PATIENCE_MS; ; await wait(5)) {
      const { rows } = await this.client.query<{ count: number }>(sql);
      if ((rows[0]?.count ?? 0) >= count) return;
      if (Date.now() > limit) throw new Error(`no ${count} writers came to wait for the row`);
    }
  }

  async release(): Promise<void> {
    await this.client.query('COMMIT');
    await this.client.end();
  }
}
