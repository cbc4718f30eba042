import type { ValueTypes } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';
import type { Gate } from '../lifecycle/execution.js';
import type { BegunTask } from '../lifecycle/hand-back.js';
import { toChildFinished, type ChildEndData } from '../lifecycle/messages.js';
import { gatesOf, REPLAYED, toPages, type ReplayRow } from './history-pages.js';
import type { EventText, HistoryStore } from './ports.js';
import { listOf, millis } from './sql.js';

/** What is on disk may have this many times as many bytes when it is read; it is rarely more. */
const COMPRESSION = 16;
const LEAST_DISK_BYTES = 16 * 1024;
/** The largest value there is. */
const MOST_DISK_BYTES = 2 ** 30;

const EVENT_AFTER = (after: string): string => `
  CROSS JOIN LATERAL (
    SELECT seq, octet_length(data::text) AS bytes
    FROM (
      SELECT seq, data FROM execution_events WHERE execution_id = $1::uuid AND seq > ${after} ORDER BY seq LIMIT 1
    ) AS next
    OFFSET 0
  ) AS next`;

/**
 * $1 execution id, $2 only events after this number, $3 most rows, $4 bytes at most. The events are sized one after the
 * other, until the page is full: the size of a text is known by reading it alone, and what is small on the disk may be a
 * hundred times as large. One is looked at behind the page.
 */
const READ_EVENTS: Statement = {
  name: 'read_events',
  text: `
WITH RECURSIVE steps AS (
  SELECT 1 AS place, next.seq, next.bytes, next.bytes::bigint AS through FROM (SELECT) AS start${EVENT_AFTER('$2::int')}
  UNION ALL
  SELECT steps.place + 1, next.seq, next.bytes, steps.through + next.bytes FROM steps${EVENT_AFTER('steps.seq')}
  WHERE steps.place < $3::int AND (steps.through <= $4::bigint OR steps.place = 1)
), page AS MATERIALIZED (
  SELECT *, count(*) OVER ()::int AS looked FROM steps
)
SELECT seq, type, ${millis('at')} AS at, attempt, page.bytes, page.looked,
  CASE WHEN page.through <= $4::bigint THEN data::text END AS data
FROM page
JOIN execution_events USING (seq)
WHERE execution_id = $1::uuid AND (page.through <= $4::bigint OR page.place = 1)
ORDER BY seq`,
};

/** $1 execution id, $2 number */
const READ_EVENT_DATA: Statement = {
  name: 'read_event_data',
  text: 'SELECT data::text AS data FROM execution_events WHERE execution_id = $1::uuid AND seq = $2::int',
};

/**
 * $1 ids, $2 for each the number after which its page begins, $3 events and $4 bytes at most, $5 the most bytes of the
 * first event → the events that replay needs, in the order in which they were recorded. The bytes are those on disk,
 * which are known without reading large values. At least one event of each execution comes, without its data where that
 * is too large.
 */
const READ_REPLAY: Statement = {
  name: 'read_replay',
  text: `
SELECT wanted.id AS "executionId", page.seq, page.type, page.candidates, ${millis('page.at')} AS at,
  CASE WHEN pg_column_size(page.data) <= $5 THEN page.data::text END AS data
FROM unnest($1::uuid[], $2::int[]) AS wanted (id, after)
CROSS JOIN LATERAL (
  SELECT seq, type, data, at, count(*) OVER ()::int AS candidates,
    sum(pg_column_size(data)) OVER (ORDER BY seq) - pg_column_size(data) AS before
  FROM (
    SELECT seq, type, data, at FROM execution_events
    WHERE execution_id = wanted.id AND seq > wanted.after
      AND type IN (${listOf(REPLAYED)})
    ORDER BY seq LIMIT $3
  ) AS candidate
) AS page
WHERE page.before < $4
ORDER BY wanted.id, page.seq`,
};

/**
 * $1 execution id, $2 how many ends are known, since ends are numbered in their order, $3 most rows; fewer come where they
 * are large
 */
const READ_CHILD_ENDS: Statement = {
  name: 'read_child_ends',
  text: `
SELECT data, ${millis('at')} AS at
FROM (
  SELECT seq, data, at, sum(pg_column_size(data)) OVER (ORDER BY seq) - pg_column_size(data) AS before
  FROM (
    SELECT seq, data, at FROM execution_events
    WHERE execution_id = $1::uuid AND type IN ('child_finished', 'child_refused')
    ORDER BY seq
    OFFSET $2::int
    LIMIT $3::int
  ) AS next
) AS "end"
WHERE before < 256 * 1024
ORDER BY seq`,
};

/**
 * $1 ids. The gate stands before the value, which is a user's and may be large: the text of that part is cut off, and read
 * as JSON here.
 */
const READ_PASSED_GATES: Statement = {
  name: 'read_passed_gates',
  text: `
SELECT execution_id AS "executionId", split_part(data::text, ',"value":', 1) || '}' AS gate
FROM execution_events
WHERE execution_id = ANY($1::uuid[]) AND type = 'execution_resumed'`,
};

/**
 * The call of an event of a task, up to its name, as JSON text: it stands first, and no operator of JSON looks into the
 * data, which users wrote.
 */
export const CALL_OF = (event: string): string => `split_part(${event}.data::text, '"name":', 1)`;

/** $1 ids, $2 the attempt of each */
const READ_BEGUN: Statement = {
  name: 'read_begun',
  text: `
SELECT wanted.id AS "executionId", start.data
FROM unnest($1::uuid[], $2::int[]) AS wanted (id, attempt)
JOIN execution_events start ON start.execution_id = wanted.id AND start.attempt = wanted.attempt
WHERE start.type = 'task_started' AND NOT EXISTS (
  SELECT FROM execution_events "end"
  WHERE "end".execution_id = start.execution_id AND "end".attempt = start.attempt AND "end".seq > start.seq
    AND "end".type IN ('task_completed', 'task_failed', 'task_interrupted') AND ${CALL_OF('"end"')} = ${CALL_OF('start')}
)
ORDER BY wanted.id, start.seq`,
};

/**
 * $1 ids → the ends of those whose JSON seems to have types. An operator of JSON would fail for all of them, should one
 * output have half of a surrogate pair.
 */
const READ_TYPED_ENDS: Statement = {
  name: 'read_typed_ends',
  text: `
SELECT e.id, event.data
FROM executions e
JOIN execution_events event ON event.execution_id = e.id AND event.seq = e.last_event_seq
WHERE e.id = ANY($1::uuid[]) AND e.state = 'COMPLETED' AND event.data::text LIKE '%"outputTypes":{%'`,
};

/** The {@link HistoryStore} on PostgreSQL. */
export function postgresHistories(database: Database): HistoryStore {
  return {
    readEvents: async (id, after, { events: most, bytes }) => {
      const rows = await database.query<EventText & { readonly looked: number }>(READ_EVENTS, [
        id,
        after,
        most + 1,
        bytes,
      ]);
      const events = rows.slice(0, most).map(({ looked: _, ...event }) => event);
      return { events, more: (rows[0]?.looked ?? 0) > events.length };
    },
    readEventData: async (id, seq) => {
      const [row] = await database.query<{ data: string }>(READ_EVENT_DATA, [id, seq]);
      return row?.data ?? 'null';
    },
    readPages: async (wanted, limit) => {
      const { events, bytes, mayBeEmpty } = limit;
      const rows = await database.query<ReplayRow>(READ_REPLAY, [
        wanted.map(({ executionId }) => executionId),
        wanted.map(({ after }) => after),
        events,
        Math.max(LEAST_DISK_BYTES, bytes / COMPRESSION),
        mayBeEmpty ? bytes : MOST_DISK_BYTES,
      ]);
      return toPages(wanted, rows, limit);
    },
    readChildEnds: async (id, heard, limit) => {
      const ends = await database.query<{ data: ChildEndData; at: number }>(READ_CHILD_ENDS, [
        id,
        heard,
        limit,
      ]);
      return ends.map(({ data, at }) => toChildFinished(data, at));
    },
    readPassedGates: async (ids) => {
      const rows = await database.query<{ executionId: string; gate: string }>(READ_PASSED_GATES, [ids]);
      return gatesOf(rows.map(({ executionId, gate }) => ({ executionId, gate: JSON.parse(gate) as Gate })));
    },
    readBegun: async (wanted) => {
      const rows = await database.query<{ executionId: string; data: BegunTask }>(READ_BEGUN, [
        wanted.map(({ executionId }) => executionId),
        wanted.map(({ attempt }) => attempt),
      ]);
      const begun = new Map<string, BegunTask[]>();
      for (const { executionId, data } of rows)
        begun.set(executionId, [...(begun.get(executionId) ?? []), data]);
      return begun;
    },
    readOutputTypes: async (ids) => {
      const ends = await database.query<{ id: string; data: { outputTypes?: ValueTypes } }>(READ_TYPED_ENDS, [
        ids,
      ]);
      return new Map(
        ends.flatMap(({ id, data: { outputTypes } }) => (outputTypes ? [[id, outputTypes]] : [])),
      );
    },
  };
}
