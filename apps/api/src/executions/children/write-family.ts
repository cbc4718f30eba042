import type { Database, Sql, Statement } from '../../database/database.js';
import type { ChildDraft, Draft } from '../draft.js';
import type { ExecutionRow } from '../execution-row.js';
import { INSERT_EXECUTIONS } from '../start/insert-executions.js';
import { insertValues } from '../start/insert-values.js';

type Drafts = readonly Draft<ExecutionRow>[];

/** An execution with the id of a child was created since the child was admitted: nothing was written. */
export class ChildIdTakenError extends Error {}

/** $1 ids of outbox rows */
const CONSUME_OUTBOX: Statement = {
  name: 'consume_outbox',
  text: 'DELETE FROM outbox WHERE id = ANY($1::uuid[])',
};

/** Whether a write has to do with more than its own rows. */
export function hasFamily(drafts: Drafts): boolean {
  return drafts.some(({ children, consumed }) => children.length > 0 || consumed.length > 0);
}

/**
 * Writes drafts, the children they start, the cancels of those that are caught, and the end of outbox rows they are
 * done with, in one transaction.
 * @param write writes drafts, each whole or not at all, and resolves with the ids of those written
 * @throws ChildIdTakenError
 */
export function writeFamily(
  database: Database,
  drafts: Drafts,
  write: (sql: Sql, drafts: Drafts) => Promise<Set<string>>,
): Promise<Set<string>> {
  return database.transaction(async (tx) => {
    const written = await write(tx, drafts);
    const done = drafts.filter(({ row }) => row && written.has(row.id));
    const children = done.flatMap((draft) => draft.children);
    if (children.length > 0) await insertChildren(tx, children, database.now());
    const caught = children.flatMap((child) => child.caught ?? []);
    if (caught.length > 0) await write(tx, caught);
    const consumed = done.flatMap((draft) => draft.consumed);
    if (consumed.length > 0) await tx.query(CONSUME_OUTBOX, [consumed]);
    return written;
  });
}

async function insertChildren(tx: Sql, children: readonly ChildDraft[], now: number): Promise<void> {
  const values = insertValues(
    children.map(({ start }) => start),
    children.map(({ run }) => run),
    now,
  );
  const created = await tx.query(INSERT_EXECUTIONS, values);
  if (created.length < children.length) throw new ChildIdTakenError('the id of a child is taken');
}
