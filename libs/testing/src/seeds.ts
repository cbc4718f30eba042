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

export interface HandedBack {
  readonly workflowName: string;
  readonly input: number;
  readonly taskName: string;
  /** The number of calls that have ended, each with its number as output. */
  readonly results: number;
}

/** Writes an execution as a hand-back leaves it, and has it dispatched. Resolves with its id. */
export async function seedHandedBack(
  sandbox: Pick<Sandbox, 'query'>,
  { workflowName, input, taskName, results }: HandedBack,
): Promise<string> {
  const [row] = await sandbox.query<{ id: string }>(
    `WITH made AS (
      INSERT INTO executions (
        id, workflow_name, state, input, labels, requested_by, created_at, started_at, attempt, last_event_seq,
        checkpoint_seq, next_dispatch_at, due_at
      ) VALUES (
        gen_random_uuid(), $1, 'SCHEDULED', to_json($2::int), '{}', 'seed', now(), now(), 1, $4::int + 2,
        1, now(), now()
      )
      RETURNING id
    ), recorded AS (
      INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
      SELECT made.id, event.seq, event.type, now(), 1, event.data
      FROM made, (
        SELECT 1 AS seq, 'execution_scheduled' AS type, '{}'::json AS data
        UNION ALL SELECT 2, 'execution_started', '{}'::json
        UNION ALL SELECT 3 + number, 'task_completed', json_build_object(
          'callId', $3::text || '#' || number, 'name', $3::text, 'output', number, 'tries', 1, 'startedAt', now(),
          'inCleanup', false)
        FROM generate_series(0, $4::int - 1) AS number
      ) AS event
    )
    SELECT id FROM made`,
    [workflowName, input, taskName, results],
  );
  return row?.id ?? '';
}

/** The SQL of JSON text of about `bytes` bytes, `$n::int`: many small objects, twenty times as large once parsed. */
const largeJson = (bytes: string): string => `('[' || repeat('{},', ${bytes} / 3) || '{}]')::json`;

export interface LargeValues {
  readonly count: number;
  readonly workflowName: string;
  /** The bytes of each input. */
  readonly inputBytes: number;
  /** The bytes of each output; without one the executions are SCHEDULED. */
  readonly outputBytes?: number;
}

/** Writes executions with large values, of which no worker ever hears. Resolves with their ids, newest first. */
export async function seedLargeValues(
  sandbox: Pick<Sandbox, 'query'>,
  { count, workflowName, inputBytes, outputBytes }: LargeValues,
): Promise<string[]> {
  const rows = await sandbox.query<{ id: string }>(
    `WITH made AS (
      INSERT INTO executions (
        id, workflow_name, state, input, output, labels, requested_by, created_at, finished_at, last_event_seq
      )
      SELECT gen_random_uuid(), $2, CASE WHEN $4::int IS NULL THEN 'SCHEDULED' ELSE 'COMPLETED' END,
        ${largeJson('$3::int')}, CASE WHEN $4::int IS NOT NULL THEN ${largeJson('$4::int')} END, '{}', 'seed',
        date_trunc('second', now()) + n * interval '1 millisecond', CASE WHEN $4::int IS NOT NULL THEN now() END, 1
      FROM generate_series(1, $1::int) AS n
      RETURNING id, created_at
    ), recorded AS (
      INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
      SELECT id, 1, 'execution_scheduled', now(), 0, '{"requestedBy":"seed"}' FROM made
    )
    SELECT id FROM made ORDER BY created_at DESC`,
    [count, workflowName, inputBytes, outputBytes ?? null],
  );
  return rows.map(({ id }) => id);
}

/** Gives an execution a history of `count` task results of about `bytes` bytes each, and then its end. */
export async function seedLongHistory(
  sandbox: Pick<Sandbox, 'query'>,
  executionId: string,
  count: number,
  bytes: number,
): Promise<void> {
  await sandbox.query(
    `WITH recorded AS (
      INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
      SELECT $1::uuid, 1 + n, 'task_completed', now(), 1, (
        '{"callId":"step#' || n || '","name":"step","tries":1,"inCleanup":false,"startedAt":"2026-01-01T00:00:00Z",'
        || '"output":' || ${largeJson('$3::int')}::text || '}')::json
      FROM generate_series(1, $2::int) AS n
      UNION ALL SELECT $1::uuid, 2 + $2::int, 'execution_completed', now(), 1, '{"output":1}'
    )
    UPDATE executions SET state = 'COMPLETED', output = '1', finished_at = now(), last_event_seq = 2 + $2::int
    WHERE id = $1::uuid`,
    [executionId, count, bytes],
  );
}
