import { BULK_OUTCOMES } from '@flux/contracts';
import type { Statement } from '../../database/database.js';
import type { Clause } from '../../store/filter.js';
import { ENDED } from '../../store/sql.js';
import { BULK_COLUMNS } from '../bulk-row.js';

/** The outcomes that are counted in a column of their own, by column. */
const COUNTED = BULK_OUTCOMES.filter((outcome) => outcome !== 'waiting' && outcome !== 'skipped');

/** The assignments that count what `changed` (outcome, was) says of items. */
const COUNT_CHANGED = COUNTED.map(
  (outcome) => `
  ${outcome} = ${outcome}
    + (SELECT count(*) FROM changed WHERE outcome = '${outcome}')
    - (SELECT count(*) FROM changed WHERE was = '${outcome}')`,
).join(',');

/** → BulkRow of those in which something is left to do */
export const OPEN_JOBS: Statement = {
  name: 'open_cancellations',
  text: `SELECT ${BULK_COLUMNS} FROM cancellations c WHERE c.finished_at IS NULL ORDER BY c.id`,
};

/** $1 ids → BulkRow */
export const READ_JOB: Statement = {
  name: 'read_cancellation',
  text: `SELECT ${BULK_COLUMNS} FROM cancellations c WHERE c.id = $1::uuid`,
};

/** $1 only ids below it, $2 most rows → BulkRow, newest first */
export const LIST_JOBS: Statement = {
  name: 'list_cancellations',
  text: `
SELECT ${BULK_COLUMNS} FROM cancellations c
WHERE c.id < COALESCE($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY c.id DESC LIMIT $2::int`,
};

/** $1 id, $2 who has it taken back (JSON) or null → BulkRow. What has ended stays as it is. */
export const STOP_JOB: Statement = {
  name: 'stop_cancellation',
  text: `
UPDATE cancellations c SET
  state = CASE WHEN c.state = 'running' THEN 'stopped' ELSE c.state END,
  undo = CASE WHEN c.finished_at IS NULL THEN COALESCE($2::json, c.undo) ELSE c.undo END
WHERE c.id = $1::uuid
RETURNING ${BULK_COLUMNS}`,
};

/**
 * $1 job, $2 most positions, $3 lease in milliseconds → first, last; no row when there is nothing to take now. A chunk
 * whose replica died goes first. The pace is the database's clock; a replica that comes late may make good half a second.
 */
export const TAKE_CHUNK: Statement = {
  name: 'take_cancellation_chunk',
  text: `
WITH abandoned AS (
  UPDATE cancellation_chunks SET lease_until = clock_timestamp() + $3::float8 * interval '1 millisecond'
  WHERE (cancellation_id, first) IN (
    SELECT cancellation_id, first FROM cancellation_chunks
    WHERE cancellation_id = $1::uuid AND lease_until < clock_timestamp()
    ORDER BY first LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING first, last
), due AS (
  SELECT id, next_position AS first, LEAST(total, next_position + $2::int - 1) AS last
  FROM cancellations
  WHERE id = $1::uuid AND state = 'running' AND next_position <= total AND next_at <= clock_timestamp()
    AND NOT EXISTS (SELECT FROM abandoned)
  FOR UPDATE SKIP LOCKED
), moved AS (
  UPDATE cancellations c SET
    next_position = due.last + 1,
    next_at = CASE WHEN c.rate_per_second IS NULL THEN c.next_at ELSE
      GREATEST(c.next_at, clock_timestamp() - interval '500 milliseconds')
        + (due.last - due.first + 1) / c.rate_per_second * interval '1 second' END
  FROM due WHERE c.id = due.id
), taken AS (
  INSERT INTO cancellation_chunks (cancellation_id, first, last, lease_until)
  SELECT id, first, last, clock_timestamp() + $3::float8 * interval '1 millisecond' FROM due
)
SELECT first, last FROM abandoned UNION ALL SELECT first, last FROM due`,
};

/** $1 job, $2 first position */
export const END_CHUNK: Statement = {
  name: 'end_cancellation_chunk',
  text: 'DELETE FROM cancellation_chunks WHERE cancellation_id = $1::uuid AND first = $2::int',
};

/** $1 job, $2 after which position, $3 most rows → what is under way */
export const READ_REQUESTED: Statement = {
  name: 'read_requested_items',
  text: `
SELECT position, execution_id AS "executionId" FROM cancellation_items
WHERE cancellation_id = $1::uuid AND position > $2::int AND outcome = 'requested'
ORDER BY position LIMIT $3::int`,
};

/** $1 job, $2 first and $3 last position → what nobody has asked yet */
export const READ_WAITING: Statement = {
  name: 'read_waiting_items',
  text: `
SELECT position, execution_id AS "executionId" FROM cancellation_items
WHERE cancellation_id = $1::uuid AND position BETWEEN $2::int AND $3::int AND outcome = 'waiting'
ORDER BY position`,
};

/** $1 job, $2 positions, $3 their outcomes, $4 the outcome they must have had; counts what it changes */
export const MARK_ITEMS: Statement = {
  name: 'mark_cancellation_items',
  text: `
WITH changed AS (
  UPDATE cancellation_items i SET outcome = mark.outcome
  FROM unnest($2::int[], $3::text[]) AS mark (position, outcome)
  WHERE i.cancellation_id = $1::uuid AND i.position = mark.position AND i.outcome = $4::text
  RETURNING i.outcome, $4::text AS was
)
UPDATE cancellations SET ${COUNT_CHANGED}
WHERE id = $1::uuid AND EXISTS (SELECT FROM changed)`,
};

/**
 * $1 job, $2 after which position, $3 most rows → last position looked at, and how many there were. Takes over how
 * executions ended whose cancel was under way.
 */
export const SETTLE_ITEMS: Statement = {
  name: 'settle_cancellation_items',
  text: `
WITH looked AS MATERIALIZED (
  SELECT position, execution_id FROM cancellation_items
  WHERE cancellation_id = $1::uuid AND position > $2::int AND outcome = 'requested'
  ORDER BY position LIMIT $3::int
  FOR UPDATE SKIP LOCKED
), ended AS MATERIALIZED (
  SELECT looked.position, COALESCE(e.outcome, 'gone') AS outcome
  FROM looked LEFT JOIN LATERAL (
    SELECT CASE
      WHEN state IN (${ENDED}) THEN lower(state)
      WHEN state = 'CANCELLING' THEN 'requested'
      ELSE 'undone' END AS outcome
    FROM executions WHERE id = looked.execution_id
  ) AS e ON true
), changed AS (
  UPDATE cancellation_items i SET outcome = ended.outcome
  FROM ended
  WHERE i.cancellation_id = $1::uuid AND i.position = ended.position AND ended.outcome <> 'requested'
  RETURNING i.outcome, 'requested' AS was
), counted AS (
  UPDATE cancellations SET ${COUNT_CHANGED}
  WHERE id = $1::uuid AND EXISTS (SELECT FROM changed)
)
SELECT COALESCE(max(position), 0)::int AS last, count(*)::int AS looked FROM looked`,
};

/**
 * $1 executions → BulkRow with `parentId`, `parentWorkflow` and `parentLabels`: the bulk cancels by filter that are under
 * way and whose snapshot came when the tree of that execution was there already
 */
export const READ_BARS: Statement = {
  name: 'read_bars',
  text: `
SELECT ${BULK_COLUMNS},
  p.id AS "parentId", p.workflow_name AS "parentWorkflow", p.labels AS "parentLabels"
FROM cancellations c
CROSS JOIN executions p
JOIN executions r ON r.id = COALESCE(p.root_execution_id, p.id)
WHERE c.finished_at IS NULL AND c.state = 'running' AND c.filter IS NOT NULL
  AND p.id = ANY($1::uuid[]) AND r.created_at <= c.created_at`,
};

const IS_DONE =
  "c.state = 'running' AND c.finished_at IS NULL AND c.requested = 0 AND c.next_position > c.total";

/** $1 job → when it took its snapshot, if nothing is left to do in it */
export const READ_DONE: Statement = {
  name: 'read_done_cancellation',
  text: `SELECT c.created_at::text AS "createdAt" FROM cancellations c WHERE c.id = $1::uuid AND ${IS_DONE}`,
};

/**
 * $1 job, $2 when it took its snapshot, then the parameters of the clause over `e`. Children of trees that were there,
 * which were on their way when it took its snapshot, become part of it.
 */
export function extendStatement(clause: Clause): Statement {
  return {
    name: `extend_cancellation_${clause.name}`,
    text: `
WITH job AS MATERIALIZED (
  SELECT c.id, c.total FROM cancellations c WHERE c.id = $1::uuid AND ${IS_DONE} FOR UPDATE
), found AS MATERIALIZED (
  SELECT e.id, row_number() OVER (ORDER BY e.created_at, e.id)::int AS number
  FROM executions e
  JOIN executions r ON r.id = e.root_execution_id AND r.created_at <= $2::timestamptz
  WHERE e.created_at > $2::timestamptz AND e.state <> 'CANCELLING' AND ${clause.text}
), added AS (
  INSERT INTO cancellation_items (cancellation_id, position, execution_id)
  SELECT job.id, job.total + found.number, found.id FROM job, found
)
UPDATE cancellations c SET total = c.total + (SELECT count(*) FROM found)
FROM job
WHERE c.id = job.id AND EXISTS (SELECT FROM found)`,
  };
}

/** $1 job, $2 now. Ends a job in which nothing is left to do. */
export const FINISH_JOB: Statement = {
  name: 'finish_cancellation',
  text: `
UPDATE cancellations c SET
  state = CASE WHEN c.state = 'running' THEN 'completed' ELSE c.state END, finished_at = $2::timestamptz
WHERE c.id = $1::uuid AND c.finished_at IS NULL AND c.requested = 0
  AND (c.state = 'stopped' OR c.next_position > c.total)
  AND NOT EXISTS (SELECT FROM cancellation_chunks k WHERE k.cancellation_id = c.id)`,
};

/**
 * $1 job, $2 after which position, $3 outcomes or null, $4 most rows → a page of items, with the executions as they are
 * now
 */
export const READ_ITEMS: Statement = {
  name: 'read_cancellation_items',
  text: `
SELECT i.position, i.execution_id AS "executionId", i.outcome, e.workflow_name AS "workflowName", e.state
FROM cancellation_items i
LEFT JOIN LATERAL (SELECT workflow_name, state FROM executions WHERE id = i.execution_id) AS e ON true
WHERE i.cancellation_id = $1::uuid AND i.position > $2::int AND ($3::text[] IS NULL OR i.outcome = ANY($3::text[]))
ORDER BY i.position
LIMIT $4::int`,
};

/** $1 since when a job must have ended. One at a time: its items may be many. → a row when there was one */
export const FORGET_JOB: Statement = {
  name: 'forget_cancellation',
  text: `
WITH old AS (
  SELECT id FROM cancellations WHERE finished_at < $1::timestamptz ORDER BY finished_at LIMIT 1 FOR UPDATE SKIP LOCKED
), items AS (
  DELETE FROM cancellation_items WHERE cancellation_id = (SELECT id FROM old)
)
DELETE FROM cancellations WHERE id = (SELECT id FROM old)
RETURNING id`,
};

/** Forgets the keys of executions that have ended: no event concerns them. Replicas that do it at once share the work. */
export const FORGET_KEYS: Statement = {
  name: 'forget_cancel_keys',
  text: `
WITH ended AS MATERIALIZED (
  SELECT k.ctid AS place
  FROM execution_cancel_keys k JOIN executions e ON e.id = k.execution_id
  WHERE e.state IN (${ENDED})
  FOR UPDATE OF k SKIP LOCKED
)
DELETE FROM execution_cancel_keys k USING ended WHERE k.ctid = ended.place`,
};
