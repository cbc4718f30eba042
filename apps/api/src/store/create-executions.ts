import type { NewExecution } from '../lifecycle/change.js';
import { runMessage, type OutboxRow } from '../lifecycle/messages.js';
import { withId } from './pending-write.js';
import type { ExecutionStore } from './ports.js';

/** Whether each item is new, and the run messages of the new ones. */
export interface Created {
  readonly created: readonly boolean[];
  readonly outbox: readonly OutboxRow[];
}

/**
 * Creates the new ones of the items. The caller publishes `outbox` once the executions are durable: at once, or after
 * the transaction.
 * @param insert as {@link ExecutionStore.insert}
 */
export async function createExecutions(
  items: readonly NewExecution[],
  insert: ExecutionStore['insert'],
): Promise<Created> {
  if (items.length === 0) return { created: [], outbox: [] };
  // The first item of an id in a batch is created: `RETURNING` could not tell two of them apart.
  const unique = new Map<string, NewExecution>();
  for (const item of items) if (!unique.has(item.record.id)) unique.set(item.record.id, item);
  // The order is the same everywhere: two batches that insert the same keys must not wait for each other.
  const wanted = [...unique.values()].sort((a, b) => compare(conflictKey(a), conflictKey(b)));
  const starts = wanted.map((start) => ({ start, run: withId(runMessage(start.record)) }));
  const created = await insert(starts);
  return {
    created: items.map((item) => created.has(item.record.id) && unique.get(item.record.id) === item),
    outbox: starts.flatMap(({ start, run }) => (created.has(start.record.id) ? [run] : [])),
  };
}

function conflictKey({ record, idempotencyKey }: NewExecution): string {
  return idempotencyKey === undefined ? record.id : `${record.workflowName}\0${idempotencyKey}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
