import type { HistoryEntry, ValueTypes } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';

const REPLAYED = [
  'task_completed',
  'task_failed',
  'timer_started',
  'value_recorded',
  'rollback_finished',
  'execution_resumed',
] as const;
type Entry<T extends HistoryEntry['type']> = Extract<HistoryEntry, { type: T }>;

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
    const entry = toEntry(row);
    if (entry) histories.get(row.executionId)?.push(entry);
  }
  return histories;
}

function typesOf(outputTypes: unknown): { readonly outputTypes?: ValueTypes } {
  return outputTypes === undefined ? {} : { outputTypes: outputTypes as ValueTypes };
}

/** `undefined` for what the body never sees: a resume of a pause that it did not ask for. */
function toEntry({ type, data }: ReplayRow): HistoryEntry | undefined {
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
    case 'execution_resumed':
      if (typeof data.callId !== 'string') return undefined;
      return { type: 'resumed', ...call, value: data.value ?? null };
  }
}
