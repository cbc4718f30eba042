import type { HistoryEntry } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';

const REPLAYED = ['task_completed', 'task_failed', 'timer_started'] as const;

interface ReplayRow {
  readonly executionId: string;
  readonly type: (typeof REPLAYED)[number];
  readonly data: Record<string, unknown>;
}

/** $1 ids → what replay needs, in the order in which it was recorded */
const READ_REPLAY: Statement = {
  name: 'read_replay',
  text: `
SELECT execution_id AS "executionId", type, data
FROM execution_events
WHERE execution_id = ANY($1::uuid[]) AND type IN (${REPLAYED.map((type) => `'${type}'`).join(', ')})
ORDER BY execution_id, seq`,
};

/** The recorded results of each execution, oldest first. */
export async function readHistories(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, HistoryEntry[]>> {
  const histories = new Map<string, HistoryEntry[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return histories;
  for (const row of await database.query<ReplayRow>(READ_REPLAY, [ids])) {
    histories.get(row.executionId)?.push(toEntry(row));
  }
  return histories;
}

function toEntry({ type, data }: ReplayRow): HistoryEntry {
  const call = { callId: String(data.callId), name: String(data.name) };
  switch (type) {
    case 'task_completed':
      return { type, ...call, output: data.output ?? null };
    case 'task_failed':
      return { type, ...call, error: data.error as Extract<HistoryEntry, { error: unknown }>['error'] };
    case 'timer_started':
      return { type, ...call, durationMs: Number(data.durationMs), dueAt: Date.parse(String(data.dueAt)) };
  }
}
