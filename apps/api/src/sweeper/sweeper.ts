import type { Bus } from '@flux/messaging';
import type { Database, Statement } from '../database/database.js';
import type { ExecutionRow } from '../executions/execution-row.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { ExecutionWriter, Plan } from '../executions/execution-writer.js';
import { decideDue } from './decide-due.js';

export const SWEEP_INTERVAL_MS = 250;
/** Large, since many sleeps may be due in the same second. */
const BATCH = 1_000;

/**
 * $1 now, $2 whether messages can be sent, $3 most rows → ids, longest due first. While there is no broker, only what
 * needs none is looked at: what to send stays due, and is sent on its return.
 */
const READ_DUE: Statement = {
  name: 'read_due',
  text: `
SELECT id FROM executions
WHERE due_at <= $1::timestamptz
  AND ($2::boolean OR timeout_at <= $1::timestamptz OR (state = 'CANCELLING' AND worker_id IS NULL)
    OR parking->'delayedCancel'->>'dueAt' IS NOT NULL)
ORDER BY due_at
LIMIT $3::int`,
};

/**
 * Repairs what was lost on the way: messages nobody answered, deadlines and timeouts that passed. Each look at an
 * execution moves its next one into the future, so that none keeps the others waiting. Replicas may sweep the same
 * execution: only one of them writes.
 */
export class Sweeper {
  readonly #database: Database;
  readonly #writer: ExecutionWriter;
  readonly #bus: Bus;
  readonly #plan: Plan<string, ExecutionRow, null>;

  constructor(
    database: Database,
    store: ExecutionStore,
    writer: ExecutionWriter,
    bus: Bus,
    defaultGraceMs: number,
  ) {
    this.#database = database;
    this.#writer = writer;
    this.#bus = bus;
    this.#plan = {
      executionId: (id) => id,
      read: (ids) => store.readRows(ids),
      decide: (row, _id, now) => ({ change: decideDue(row, defaultGraceMs, now), reply: null }),
    };
  }

  async sweep(): Promise<void> {
    for (let found = BATCH; found === BATCH;) {
      const due = await this.#database.query<{ id: string }>(READ_DUE, [
        new Date(this.#database.now()).toISOString(),
        this.#bus.state === 'connected',
        BATCH,
      ]);
      found = due.length;
      if (found > 0) {
        await this.#writer.apply(
          this.#plan,
          due.map((row) => row.id),
        );
      }
    }
  }
}
