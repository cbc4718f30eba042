import type { Sandbox } from './sandbox.js';

/**
 * Writes executions as a start leaves them, but without their run messages: no worker ever hears of them. Resolves with
 * their ids, oldest first.
 */
export async function seedScheduled(
  sandbox: Pick<Sandbox, 'query'>,
  count: number,
  labels: Readonly<Record<string, string>>,
  workflowName = 'sleeper',
): Promise<string[]> {
  const rows = await sandbox.query<{ id: string }>(
    `WITH made AS MATERIALIZED (
      SELECT gen_random_uuid() AS id, now() + n * interval '1 microsecond' AS created_at
      FROM generate_series(1, $1::int) AS n
    ), written AS (
      INSERT INTO executions (id, workflow_name, state, input, labels, requested_by, created_at, last_event_seq)
      SELECT id, $2, 'SCHEDULED', '{}', $3::jsonb, 'seed', created_at, 1 FROM made
    ), recorded AS (
      INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
      SELECT id, 1, 'execution_scheduled', now(), 0, '{"requestedBy":"seed"}' FROM made
    )
    SELECT id FROM made ORDER BY created_at`,
    [count, workflowName, JSON.stringify(labels)],
  );
  return rows.map((row) => row.id);
}
