import type { Statement } from '../database/database.js';

/**
 * $1 ids. Nobody waits for this commit to reach the disk: a row that a crash brings back is published once more, and
 * its receiver drops the duplicate.
 */
export const DELETE_OUTBOX: Statement = {
  name: 'delete_outbox',
  text: `
DELETE FROM outbox
WHERE id = ANY($1::uuid[]) AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'`,
};

/**
 * $1 now, $2 until when they are taken, $3 most rows, $4 kinds, `null` for all → OutboxRow; replicas never take the same
 * row.
 */
export const TAKE_OUTBOX: Statement = {
  name: 'take_outbox',
  text: `
WITH due AS MATERIALIZED (
  SELECT id FROM outbox WHERE due_at <= $1::timestamptz AND ($4::text[] IS NULL OR kind = ANY($4::text[]))
  ORDER BY due_at LIMIT $3::int FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET due_at = $2::timestamptz
-- Not a join: planned while the table was empty it would read all of it for each row.
WHERE o.id = ANY(ARRAY(SELECT id FROM due))
RETURNING o.id, o.kind, o.target, o.body`,
};
