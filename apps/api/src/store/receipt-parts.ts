import type { HistoryEventType } from '@flux/contracts';
import type { Sql, Statement } from '../database/database.js';
import { CALL_OF } from './postgres-histories.js';
import { millis } from './sql.js';

/** An event of a receipt: the beginning of its data's JSON text, which may be all of it. */
export interface ReceiptRow {
  readonly seq: number;
  readonly type: HistoryEventType;
  readonly at: number;
  readonly attempt: number;
  readonly head: string;
}

interface PartWish {
  readonly types: readonly HistoryEventType[];
  /** Only events with a greater number. */
  readonly after: number;
  readonly most: number;
  /** How many characters of the data come. */
  readonly characters: number;
}

/** $1 execution id, $2 types, $3 only events after this number, $4 most rows, $5 characters */
const READ_PART: Statement = {
  name: 'read_receipt_part',
  text: `
SELECT seq, type, ${millis('at')} AS at, attempt, left(data::text, $5::int) AS head
FROM execution_events
WHERE execution_id = $1::uuid AND type = ANY($2::text[]) AND seq > $3::int
ORDER BY seq LIMIT $4::int`,
};

/** $1 execution id */
const COUNT_EVENTS: Statement = {
  name: 'count_receipt_events',
  text: `
SELECT type, count(*)::int AS count,
  count(CASE WHEN type = 'rollback_finished' THEN nullif(right(data::text, 13), '"error":null}') END)::int AS failures
FROM execution_events WHERE execution_id = $1::uuid GROUP BY type`,
};

/** $1 execution id, $2 numbers of events of tasks that were cut off → those whose call has a result of a later attempt */
const FIND_MADE_AGAIN: Statement = {
  name: 'find_made_again',
  text: `
SELECT cut.seq FROM execution_events cut
WHERE cut.execution_id = $1::uuid AND cut.seq = ANY($2::int[]) AND EXISTS (
  SELECT FROM execution_events later
  WHERE later.execution_id = cut.execution_id AND later.attempt > cut.attempt AND later.seq > cut.seq
    AND later.type IN ('task_completed', 'task_failed') AND ${CALL_OF('later')} = ${CALL_OF('cut')}
)`,
};

export async function readPart(sql: Sql, id: string, wish: PartWish): Promise<ReceiptRow[]> {
  return sql.query<ReceiptRow>(READ_PART, [id, wish.types, wish.after, wish.most, wish.characters]);
}

/** How many events of each type there are, and how many of them are rollbacks that threw. */
export async function countEvents(
  sql: Sql,
  id: string,
): Promise<Map<string, { readonly count: number; readonly failures: number }>> {
  const rows = await sql.query<{ type: string; count: number; failures: number }>(COUNT_EVENTS, [id]);
  return new Map(rows.map(({ type, ...counts }) => [type, counts]));
}

export async function findMadeAgain(sql: Sql, id: string, seqs: readonly number[]): Promise<Set<number>> {
  if (seqs.length === 0) return new Set();
  const rows = await sql.query<{ seq: number }>(FIND_MADE_AGAIN, [id, seqs]);
  return new Set(rows.map(({ seq }) => seq));
}
