import type { Statement } from '../database/database.js';
import { millis } from '../store/sql.js';

const fireJson = (alias: string): string => `
  CASE WHEN ${alias}.seq IS NULL THEN NULL ELSE json_build_object(
    'seq', ${alias}.seq, 'plannedAt', ${millis(`${alias}.planned_at`)}, 'firedAt', ${millis(`${alias}.fired_at`)},
    'triggeredBy', ${alias}.triggered_by, 'outcome', ${alias}.outcome, 'executionId', ${alias}.execution_id,
    'reason', ${alias}.reason, 'code', ${alias}.code, 'count', ${alias}.count,
    'lastPlannedAt', ${millis(`${alias}.last_planned_at`)}
  ) END`;

const COLUMNS = `
  s.id, s.spec, s.paused, ${millis('s.created_at')} AS "createdAt", s.created_by AS "createdBy",
  ${millis('s.updated_at')} AS "updatedAt", s.updated_by AS "updatedBy", ${millis('s.anchor_at')} AS "anchorAt",
  ${millis('s.next_fire_at')} AS "nextFireAt", ${millis('s.last_planned_at')} AS "lastPlannedAt",
  s.fire_seq AS "fireSeq", s.last_execution_id AS "lastExecutionId",
  ${fireJson('waits')} AS waiting, ${fireJson('latest')} AS "lastFire"`;

const JOINS = `
LEFT JOIN schedule_fires waits ON waits.schedule_id = s.id AND waits.seq = s.waiting_seq
LEFT JOIN schedule_fires latest ON latest.schedule_id = s.id AND latest.seq = s.fire_seq`;

/** $1 now, $2 most rows → ids, longest due first */
export const FIND_DUE: Statement = {
  name: 'find_due_schedules',
  text: 'SELECT id FROM schedules WHERE due_at <= $1::timestamptz ORDER BY due_at LIMIT $2::int',
};

/**
 * $1 id, $2 now → the id, if it is still due and no other replica has it. Taken alone, like LOCK_SCHEDULE: what one
 * statement joins to a row that somebody has just changed may be older than that row.
 */
export const LOCK_DUE: Statement = {
  name: 'lock_due_schedule',
  text: `
SELECT id FROM schedules WHERE id = $1 AND due_at <= $2::timestamptz FOR NO KEY UPDATE SKIP LOCKED`,
};

/** $1 id → the id; waits for whoever has it */
export const LOCK_SCHEDULE: Statement = {
  name: 'lock_schedule',
  text: 'SELECT id FROM schedules WHERE id = $1 FOR NO KEY UPDATE',
};

/** $1 id → LockedSchedule */
export const READ_SCHEDULE: Statement = {
  name: 'read_schedule',
  text: `
SELECT ${COLUMNS}, e.state AS "lastState"
FROM schedules s${JOINS}
LEFT JOIN executions e ON e.id = s.last_execution_id
WHERE s.id = $1`,
};

/**
 * $1 workflow name or null, $2 only ids after this one or null, $3 most rows, $4 bytes at most, though one row always
 * comes → ScheduleRow, and in each row how many there would be without $4
 */
export const LIST_SCHEDULES: Statement = {
  name: 'list_schedules',
  text: `
SELECT ${COLUMNS}, s.candidates
FROM (
  SELECT s.*, sum(s.bytes) OVER (ORDER BY s.id) AS through
  FROM (
    SELECT s.*, octet_length(s.spec::text) AS bytes
    FROM (
      SELECT s.*, count(*) OVER ()::int AS candidates,
        sum(pg_column_size(s.spec)) OVER (ORDER BY s.id) - pg_column_size(s.spec) AS stored_before
      FROM (
        SELECT * FROM schedules
        WHERE ($1::text IS NULL OR workflow_name = $1) AND ($2::text IS NULL OR id > $2)
        ORDER BY id LIMIT $3::int
      ) AS s
    ) AS s
    WHERE s.stored_before < $4::bigint
  ) AS s
) AS s
${JOINS}
WHERE s.through <= $4::bigint OR s.through = s.bytes
ORDER BY s.id`,
};

/** $1 id, $2 only fires before this number or null, $3 most rows → FireRow, newest first */
export const READ_FIRES: Statement = {
  name: 'read_fires',
  text: `
SELECT seq, ${millis('planned_at')} AS "plannedAt", ${millis('fired_at')} AS "firedAt",
  triggered_by AS "triggeredBy", outcome, execution_id AS "executionId", reason, code, count,
  ${millis('last_planned_at')} AS "lastPlannedAt"
FROM schedule_fires
WHERE schedule_id = $1 AND ($2::int IS NULL OR seq < $2)
ORDER BY seq DESC
LIMIT $3::int`,
};

/** → the id, unless there was one */
export const INSERT_SCHEDULE: Statement = {
  name: 'insert_schedule',
  text: `
INSERT INTO schedules (
  id, workflow_name, spec, paused, created_at, created_by, updated_at, updated_by, anchor_at, next_fire_at, due_at
)
VALUES ($1, $2, $3::json, $4, $5, $6, $5, $6, $5, $7, $7)
ON CONFLICT DO NOTHING
RETURNING id`,
};

/**
 * Writes a schedule, whose row the transaction holds, with its fires: $14–$23. A fire that stands there already (it
 * waited) is written over; of the oldest fires only the one that waits is kept.
 */
export const WRITE_SCHEDULE: Statement = {
  name: 'write_schedule',
  text: `
WITH fired AS (
  INSERT INTO schedule_fires (
    schedule_id, seq, planned_at, fired_at, triggered_by, outcome, execution_id, reason, code, count, last_planned_at
  )
  SELECT $1, fire.*
  FROM unnest(
    $14::int[], $15::timestamptz[], $16::timestamptz[], $17::text[], $18::text[], $19::uuid[], $20::text[],
    $21::text[], $22::int[], $23::timestamptz[]
  ) AS fire
  ON CONFLICT (schedule_id, seq) DO UPDATE SET
    fired_at = excluded.fired_at, outcome = excluded.outcome, execution_id = excluded.execution_id,
    reason = excluded.reason, code = excluded.code
), forgotten AS (
  DELETE FROM schedule_fires WHERE schedule_id = $1 AND seq <= $10::int - $13::int AND seq IS DISTINCT FROM $11::int
)
UPDATE schedules SET
  workflow_name = $2, spec = $3::json, paused = $4, updated_at = $5::timestamptz, updated_by = $6,
  anchor_at = $7::timestamptz, next_fire_at = $8::timestamptz, last_planned_at = $9::timestamptz, fire_seq = $10::int,
  waiting_seq = $11::int, last_execution_id = $12::uuid, due_at = $24::timestamptz
WHERE id = $1`,
};

/** $1 id, $2 when it is looked at again */
export const POSTPONE: Statement = {
  name: 'postpone_schedule',
  text: 'UPDATE schedules SET due_at = $2::timestamptz WHERE id = $1 AND due_at < $2::timestamptz',
};

/** $1 id, whose row the transaction holds */
export const DELETE_SCHEDULE: Statement = {
  name: 'delete_schedule',
  text: `
WITH fires AS (DELETE FROM schedule_fires WHERE schedule_id = $1)
DELETE FROM schedules WHERE id = $1`,
};
