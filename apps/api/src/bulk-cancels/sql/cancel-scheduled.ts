import { statesLeadingTo, type Facts } from '@flux/domain';
import type { Statement } from '../../database/database.js';
import { listOf } from '../../store/sql.js';

/** The state of executions that no worker ever had. */
const NEVER_CLAIMED: Facts = {
  claimedBefore: false,
  owned: false,
  signalled: false,
  timed: false,
  awaitsChild: false,
  delayed: false,
  unsent: false,
  wasSleeping: false,
  wasPaused: false,
};

/** The state in which the transition table cancels such an execution at once. */
const AT_ONCE = listOf(statesLeadingTo('CANCELLED', 'cancel', NEVER_CLAIMED));

/**
 * Cancels the executions of a chunk that no worker ever had and that nobody has a part in: what `decideCancel` decides
 * for each of them, and what the writer would write, for all in one statement. A spec compares the two. What somebody
 * else is changing is skipped, as is everything that does not fit: the ordinary path comes next. → Moved
 *
 * $1 job, $2 first and $3 last position, $4 now, $5 its epoch milliseconds, $6 the deployment's grace period,
 * $7 now as JSON has it.
 */
export const CANCEL_SCHEDULED: Statement = {
  name: 'cancel_scheduled',
  text: `
WITH job AS MATERIALIZED (
  SELECT * FROM cancellations WHERE id = $1::uuid AND state = 'running'
), locked AS MATERIALIZED (
  SELECT item.position, e.place, e.id,
    $5::float8 + CASE WHEN job.force THEN 0 ELSE COALESCE(job.grace_period_ms, e.grace_period_ms, $6::float8) END AS deadline
  FROM job,
    LATERAL (
      SELECT position, execution_id FROM cancellation_items
      WHERE cancellation_id = job.id AND position BETWEEN $2::int AND $3::int AND outcome = 'waiting'
      ORDER BY execution_id
    ) AS item,
    LATERAL (
      SELECT e.ctid AS place, e.id, e.grace_period_ms FROM executions e
      WHERE e.id = item.execution_id AND e.state IN (${AT_ONCE}) AND e.attempt = 0 AND e.cancellation IS NULL
        AND e.parent_execution_id IS NULL
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS e
), written AS (
  UPDATE executions e SET
    version = e.version + 1,
    state = 'CANCELLED',
    last_event_seq = e.last_event_seq + 2,
    finished_at = $4::timestamptz,
    cancellation = json_build_object(
      'requestedAt', $5::float8,
      'deadlineAt', locked.deadline,
      'requestedBy', job.requested_by,
      'reason', job.reason,
      'cause', job.cause,
      'bulkId', job.id,
      'deliveredAt', $5::float8,
      'stoppedAt', $5::float8,
      'finalizedAt', $5::float8,
      'forced', false,
      'cleanup', 'none',
      'outcome', 'cancelled'
    ),
    parking = NULL,
    next_dispatch_at = NULL,
    due_at = NULL,
    delayed_cancel_at = NULL
  FROM job, locked
  -- Not by id: planned on a small table, that join could read all of it for each row. Locked rows do not move.
  WHERE e.ctid = locked.place
  RETURNING e.id, e.state, e.last_event_seq, e.cancellation, to_char(
    to_timestamp(locked.deadline / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
  ) AS deadline
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT written.id, written.last_event_seq - 1, 'cancel_requested', $4::timestamptz, 0,
    CASE WHEN job.event IS NULL THEN json_build_object(
      'requestedBy', job.requested_by, 'reason', job.reason, 'cause', job.cause, 'deadlineAt', written.deadline,
      'cancellationId', job.id)
    ELSE json_build_object(
      'requestedBy', job.requested_by, 'reason', job.reason, 'cause', job.cause, 'deadlineAt', written.deadline,
      'cancellationId', job.id, 'event', job.event) END
  FROM written, job
  UNION ALL
  SELECT id, last_event_seq, 'execution_cancelled', $4::timestamptz, 0,
    json_build_object('cleanup', 'none', 'forced', false, 'cleanupError', NULL,
      'deliveredAt', $7::text, 'stoppedAt', $7::text)
  FROM written
), marked AS (
  UPDATE cancellation_items SET outcome = 'cancelled'
  WHERE cancellation_id = $1::uuid AND position = ANY(ARRAY(SELECT position FROM locked))
), counted AS (
  UPDATE cancellations SET cancelled = cancelled + (SELECT count(*) FROM locked)
  WHERE id = $1::uuid AND EXISTS (SELECT FROM locked)
)
SELECT id, state, last_event_seq AS "lastEventSeq", cancellation FROM written`,
};
