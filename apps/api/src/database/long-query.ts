import type { Database, Statement } from './database.js';

const RAISE_LIMIT: Statement = {
  name: 'raise_limit',
  text: "SELECT set_config('statement_timeout', $1, true)",
};
/** The server gives up first, and says why. */
const MARGIN_MS = 5_000;

/** Runs a statement over a whole table: it may take `limitMs` milliseconds instead of the usual limit. */
export async function queryLong<Row>(
  database: Database,
  statement: Statement,
  values: readonly unknown[],
  limitMs: number,
): Promise<Row[]> {
  return database.transaction(async (tx) => {
    await tx.query(RAISE_LIMIT, [String(limitMs)]);
    return tx.query<Row>({ ...statement, limitMs: limitMs + MARGIN_MS }, values);
  });
}
