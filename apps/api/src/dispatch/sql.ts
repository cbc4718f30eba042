import type { Statement } from '../database/database.js';

/** $1 ids */
export const DELETE_OUTBOX: Statement = {
  name: 'delete_outbox',
  text: 'DELETE FROM outbox WHERE id = ANY($1::uuid[])',
};

/** $1 now, $2 until when they are taken, $3 most rows → OutboxRow; replicas never take the same row. */
export const TAKE_OUTBOX: Statement = {
  name: 'take_outbox',
  text: `
WITH due AS MATERIALIZED (
  SELECT id FROM outbox WHERE due_at <= $1::timestamptz ORDER BY due_at LIMIT $3::int FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET due_at = $2::timestamptz
FROM due
WHERE o.id = due.id
RETURNING o.id, o.kind, o.target, o.body`,
};
