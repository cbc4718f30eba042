import type { Database, Statement } from '../database/database.js';
import { OUTBOX_LEASE_MS, type OutboxRow } from '../lifecycle/messages.js';
import { isoOrNull } from '../lifecycle/timing.js';
import type { OutboxStore } from './ports.js';

/** $1 ids. Nobody waits for this commit to reach the disk. */
const DELETE_OUTBOX: Statement = {
  name: 'delete_outbox',
  text: `
DELETE FROM outbox
WHERE id = ANY($1::uuid[]) AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'`,
};

/** $1 now, $2 until when they are taken, $3 most rows, $4 kinds, `null` for all */
const TAKE_OUTBOX: Statement = {
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

/** $1 ids */
const PRESENT_OUTBOX: Statement = {
  name: 'present_outbox',
  text: 'SELECT id FROM outbox WHERE id = ANY($1::uuid[])',
};

/** The {@link OutboxStore} on PostgreSQL. */
export function postgresOutbox(database: Database): OutboxStore {
  return {
    now: () => database.now(),
    take: (limit, kinds) => {
      const now = database.now();
      const values = [isoOrNull(now), isoOrNull(now + OUTBOX_LEASE_MS), limit, kinds ?? null];
      return database.query<OutboxRow>(TAKE_OUTBOX, values);
    },
    findPresent: async (ids) =>
      new Set((await database.query<{ id: string }>(PRESENT_OUTBOX, [ids])).map(({ id }) => id)),
    delete: async (ids) => void (await database.query(DELETE_OUTBOX, [ids])),
  };
}
