import { childLink, type HistoryEntry, type ValueTypes } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';
import { toChildFinished } from '../executions/children/families.js';

const REPLAYED = [
  'task_completed',
  'task_failed',
  'timer_started',
  'value_recorded',
  'rollback_finished',
  'execution_resumed',
  'child_started',
  'child_refused',
  'child_finished',
  'child_joined',
] as const;
type Entry<T extends HistoryEntry['type']> = Extract<HistoryEntry, { type: T }>;

/** How much of a history travels in one message. */
export interface PageLimit {
  readonly events: number;
  /** Of their JSON text; one event alone may have more. */
  readonly bytes: number;
}

export interface Page {
  readonly entries: HistoryEntry[];
  /** After which event the next page begins; absent when there is none. */
  readonly next?: number;
}

interface ReplayRow {
  readonly executionId: string;
  readonly seq: number;
  readonly type: (typeof REPLAYED)[number];
  readonly data: string;
  readonly at: number;
  /** How many events were looked at. */
  readonly candidates: number;
}

/**
 * $1 ids, $2 for each the number after which its page begins, $3 events and $4 bytes at most → what replay needs, in
 * the order in which it was recorded. The bytes are those on disk, which are known without reading large values; at
 * least one event comes of each.
 */
const READ_REPLAY: Statement = {
  name: 'read_replay',
  text: `
SELECT wanted.id AS "executionId", page.seq, page.type, page.data::text AS data, page.candidates,
  (extract(epoch FROM page.at) * 1000)::float8 AS at
FROM unnest($1::uuid[], $2::int[]) AS wanted (id, after)
CROSS JOIN LATERAL (
  SELECT seq, type, data, at, count(*) OVER ()::int AS candidates,
    sum(pg_column_size(data)) OVER (ORDER BY seq) - pg_column_size(data) AS before
  FROM (
    SELECT seq, type, data, at FROM execution_events
    WHERE execution_id = wanted.id AND seq > wanted.after
      AND type IN (${REPLAYED.map((type) => `'${type}'`).join(', ')})
    ORDER BY seq LIMIT $3
  ) AS candidate
) AS page
WHERE page.before < $4
ORDER BY wanted.id, page.seq`,
};

/** A page of the recorded results of each execution, oldest first. */
export async function readPages(
  database: Database,
  wanted: ReadonlyArray<{ readonly executionId: string; readonly after: number }>,
  limit: PageLimit,
): Promise<Map<string, Page>> {
  if (wanted.length === 0) return new Map();
  const ids = wanted.map(({ executionId }) => executionId);
  const afters = wanted.map(({ after }) => after);
  const values = [ids, afters, limit.events, limit.bytes];
  const rows = new Map<string, ReplayRow[]>(ids.map((id) => [id, []]));
  for (const row of await database.query<ReplayRow>(READ_REPLAY, values))
    rows.get(row.executionId)?.push(row);
  return new Map([...rows].map(([id, own]) => [id, toPage(own, limit)]));
}

function toPage(rows: readonly ReplayRow[], limit: PageLimit): Page {
  const entries: HistoryEntry[] = [];
  let bytes = 0;
  let taken = 0;
  for (const { type, data, at } of rows) {
    // On disk it may have been a fraction of this.
    if (taken > 0 && bytes + data.length > limit.bytes) break;
    bytes += data.length;
    taken += 1;
    const entry = toEntry(type, JSON.parse(data) as Record<string, unknown>, at);
    if (entry) entries.push(entry);
  }
  const last = rows[taken - 1];
  const isAll = !last || (taken === last.candidates && last.candidates < limit.events);
  return isAll ? { entries } : { entries, next: last.seq };
}

/** `undefined` for what the body never sees: a resume of a pause that it did not ask for. */
function toEntry(
  type: ReplayRow['type'],
  data: Record<string, unknown>,
  at: number,
): HistoryEntry | undefined {
  const call = { callId: String(data.callId), name: String(data.name) };
  switch (type) {
    case 'task_completed':
      return { type, ...call, output: data.output ?? null, ...typesOf(data.outputTypes) };
    case 'task_failed':
      return { type, ...call, error: data.error as Entry<'task_failed'>['error'] };
    case 'timer_started':
      return { type, ...call, durationMs: Number(data.durationMs), dueAt: Date.parse(String(data.dueAt)) };
    case 'value_recorded':
      return { type, ...call, value: data.value ?? null };
    case 'rollback_finished':
      return { type, ...call, error: (data.error ?? null) as Entry<'rollback_finished'>['error'] };
    case 'child_started':
      return { type, ...call, child: childLink.parse(data) };
    case 'child_joined':
      return { type, ...call };
    case 'child_refused':
    case 'child_finished':
      return toChildFinished(data, at);
    case 'execution_resumed':
      if (typeof data.callId !== 'string') return undefined;
      return { type: 'resumed', ...call, value: data.value ?? null };
  }
}

function typesOf(outputTypes: unknown): { readonly outputTypes?: ValueTypes } {
  return outputTypes === undefined ? {} : { outputTypes: outputTypes as ValueTypes };
}
