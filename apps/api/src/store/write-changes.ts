import type { Sql, Statement } from '../database/database.js';
import { OUTBOX_LEASE_MS, type OutboxRow } from '../lifecycle/messages.js';
import { isoOrNull } from '../lifecycle/timing.js';
import { CHANGE_COLUMNS, CHANGE_LIST } from './execution-columns.js';
import type { NumberedEvent, Write } from './pending-write.js';
import { rowsParameter } from './sql.js';

/** A part of a change, with the id of the change's execution. */
type Of<Part> = Part & { readonly executionId: string };

const CHANGES = rowsParameter('change', 1, CHANGE_COLUMNS);
const EVENTS = rowsParameter<Of<{ readonly event: NumberedEvent }>>('event', CHANGES.next, [
  ['execution_id', 'uuid', ({ executionId }) => executionId],
  ['seq', 'int', ({ event }) => event.seq],
  ['type', 'text', ({ event }) => event.type],
  ['at', 'timestamptz', ({ event }) => isoOrNull(event.at)],
  ['attempt', 'int', ({ event }) => event.attempt],
  ['data', 'text', ({ event }) => JSON.stringify(event.data)],
]);
const MESSAGES = rowsParameter<Of<{ readonly message: OutboxRow }>>('message', EVENTS.next, [
  ['id', 'uuid', ({ message }) => message.id],
  ['kind', 'text', ({ message }) => message.kind],
  ['target', 'text', ({ message }) => message.target],
  ['body', 'text', ({ message }) => JSON.stringify(message.body)],
  ['execution_id', 'uuid', ({ executionId }) => executionId],
]);
const LEASE = `$${MESSAGES.next}::timestamptz`;

/**
 * Writes many changes, with their events and outbox rows, in one statement and so in one transaction; answers with
 * the ids that were written. A change whose execution has been written since the decision is left out whole: the row
 * no longer has the version, the state, the attempt and the owner that the transition table was asked about. Changes
 * come ordered by id, so that concurrent batches take their locks in the same order and never deadlock. The last
 * parameter is until when the outbox rows belong to this replica.
 */
export const WRITE_CHANGES: Statement = {
  name: 'write_changes',
  text: `
WITH locked AS MATERIALIZED (
  SELECT change.*, unchanged.place
  FROM ${CHANGES.text},
    LATERAL (
      SELECT e.ctid AS place FROM executions e
      WHERE e.id = change.id AND e.version = change.version
      FOR NO KEY UPDATE
    ) AS unchanged
), written AS (
  UPDATE executions e SET
    ${CHANGE_LIST}
  FROM locked change
  -- Not by id: planned on a small table, that join could read all of it for each row. Locked rows do not move.
  WHERE e.ctid = change.place
  RETURNING e.id
), recorded AS (
  INSERT INTO execution_events (execution_id, seq, type, at, attempt, data)
  SELECT event.execution_id, event.seq, event.type, event.at, event.attempt, event.data::json
  FROM ${EVENTS.text}
  -- IS TRUE keeps this a hashed look-up; as a join it would be a nested loop over two unindexed sets.
  WHERE (event.execution_id IN (SELECT id FROM locked)) IS TRUE
), queued AS (
  INSERT INTO outbox (id, kind, target, body, due_at)
  SELECT message.id, message.kind, message.target, message.body::json, ${LEASE}
  FROM ${MESSAGES.text}
  WHERE (message.execution_id IN (SELECT id FROM locked)) IS TRUE
)
SELECT id FROM written`,
};

/** Writes each change whole or not at all; resolves with the ids of those written. */
export async function writeChanges(sql: Sql, writes: readonly Write[], now: number): Promise<Set<string>> {
  const changes = [...writes].sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
  const written = await sql.query<{ id: string }>(WRITE_CHANGES, [
    ...CHANGES.values(changes),
    ...EVENTS.values(
      changes.flatMap(({ row, events }) => events.map((event) => ({ executionId: row.id, event }))),
    ),
    ...MESSAGES.values(
      changes.flatMap(({ row, outbox }) => outbox.map((message) => ({ executionId: row.id, message }))),
    ),
    isoOrNull(now + OUTBOX_LEASE_MS),
  ]);
  return new Set(written.map(({ id }) => id));
}
