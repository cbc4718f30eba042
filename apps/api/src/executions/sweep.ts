import { isPast } from '@flux/domain';
import { isTransientError } from '../database/errors.js';
import { Batcher } from '../flow/batcher.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { fenceAt } from '../lifecycle/timing.js';
import { BegunTasks } from './begun-tasks.js';
import type { RowChange } from './execution-writer.js';
import type { VerbParts } from './parts.js';

export const SWEEP_INTERVAL_MS = 250;
/** Large, since many sleeps may be due in the same second. */
const BATCH = 1_000;

/**
 * Repairs losses: messages that nobody answered, deadlines and timeouts that passed. Each look at an execution moves
 * the next look into the future, so that no execution keeps the others waiting. Replicas may sweep the same
 * execution: only one replica writes. An execution that cannot be decided or written keeps no other one waiting.
 */
export function createSweep(
  parts: Pick<
    VerbParts,
    'stores' | 'store' | 'writer' | 'bus' | 'decisions' | 'gracePeriodMs' | 'leaseMs' | 'logger'
  >,
): () => Promise<void> {
  const { stores, store, writer, bus, decisions, logger } = parts;
  const begun = new BegunTasks(stores.histories);
  const plan: RowChange<string, ExecutionRow, null> = {
    executionId: (id) => id,
    read: async (ids) => {
      const rows = await store.readRows(ids);
      const now = store.now();
      await begun.look(rows.filter((row) => isPast(fenceAt(row, parts.leaseMs) ?? Infinity, now)));
      return rows;
    },
    decide: (row, _id, now) => ({ change: decisions.decideDue(row, parts, now, begun.of(row)), reply: null }),
  };
  const batcher = new Batcher((ids: string[]) => writer.apply(plan, ids), {
    maxBatch: BATCH,
    flights: 1,
    failsAll: isTransientError,
  });
  const tell = (error: unknown, executionId: string): 'not seen to' => {
    if (isTransientError(error)) throw error;
    logger.error({ err: error, executionId }, 'an execution that is due could not be seen to');
    return 'not seen to';
  };
  return async () => {
    for (let found = BATCH; found === BATCH;) {
      const due = await store.findDue(BATCH, bus.state === 'connected');
      const seen = await Promise.all(
        due.map((id) => batcher.run(id).catch((error: unknown) => tell(error, id))),
      );
      found = seen.filter((each) => each === null).length;
    }
  };
}
