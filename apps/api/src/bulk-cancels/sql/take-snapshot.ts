import type { Statement } from '../../database/database.js';
import type { Clause } from '../../store/filter.js';
import { BULK_COLUMNS } from '../bulk-row.js';

/** Parameters that {@link snapshotStatement} has before those of the clause. */
export const SNAPSHOT_PARAMETERS = 11;

/**
 * Writes the job and the executions it is about, in one statement: all of them as they are at one moment, and what
 * commits later is none of them. → BulkRow; no row, and nothing written, when nothing is found and no empty job is wanted
 *
 * $1 id, $2 filter, $3 event, $4 requested by, $5 reason, $6 cause, $7 force, $8 grace period, $9 rate, $10 now, $11 whether an empty
 * job is wanted;
 * then those of the clause over `e`, which names the open states itself.
 * @param join further tables that the clause is about
 */
export function snapshotStatement(clause: Clause, join = ''): Statement {
  return {
    name: `take_snapshot_${clause.name}`,
    text: `
WITH found AS MATERIALIZED (
  SELECT e.id, row_number() OVER (ORDER BY e.created_at, e.id)::int AS position
  FROM executions e ${join}
  WHERE ${clause.text}
), items AS (
  INSERT INTO cancellation_items (cancellation_id, position, execution_id)
  SELECT $1::uuid, position, id FROM found
), job AS (
  INSERT INTO cancellations (
    id, state, filter, event, requested_by, reason, cause, force, grace_period_ms, rate_per_second, created_at, total,
    finished_at
  )
  SELECT $1::uuid, CASE WHEN total > 0 THEN 'running' ELSE 'completed' END, $2::json, $3::json, $4::text, $5::text, $6::text, $7::boolean, $8::float8, $9::float8,
    $10::timestamptz, total, CASE WHEN total = 0 THEN $10::timestamptz END
  FROM (SELECT count(*)::int AS total FROM found) AS counted
  WHERE total > 0 OR $11::boolean
  RETURNING *
)
SELECT ${BULK_COLUMNS} FROM job c`,
  };
}

/** The clause's parameters, then $n most examples → the number found in each state, with the oldest of all of them */
export function previewStatement(clause: Clause): Statement {
  return {
    name: `preview_cancellation_${clause.name}`,
    text: `
WITH found AS MATERIALIZED (
  SELECT e.id, e.state, e.created_at FROM executions e WHERE ${clause.text}
), examples AS (
  SELECT e.id AS "executionId", e.workflow_name AS "workflowName", e.state, e.labels,
    (extract(epoch FROM e.created_at) * 1000)::float8 AS "createdAt"
  FROM (SELECT id FROM found ORDER BY created_at, id LIMIT $${clause.values.length + 1}::int) AS oldest,
    LATERAL (SELECT * FROM executions e WHERE e.id = oldest.id) AS e
  ORDER BY e.created_at, e.id
)
SELECT
  (SELECT json_object_agg(state, count) FROM (SELECT state, count(*) FROM found GROUP BY state) AS s) AS "byState",
  (SELECT json_agg(examples) FROM examples) AS examples`,
  };
}
