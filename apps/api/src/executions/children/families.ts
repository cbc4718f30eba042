import { childEnd, childLink, type ChildFinished, type Topology, type ValueTypes } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { Bus } from '@flux/messaging';
import type { CoreOptions } from '../../core-options.js';
import { Batcher } from '../../database/batcher.js';
import type { Database, Statement } from '../../database/database.js';
import { isTransientError } from '../../database/errors.js';
import type { FamilyRow } from '../../dispatch/outbox.js';
import type { Relay } from '../../dispatch/relay.js';
import type { ExecutionRow } from '../execution-row.js';
import type { ExecutionStore } from '../execution-store.js';
import type { ExecutionWriter, Plan } from '../execution-writer.js';
import type { EndedChild } from './child-messages.js';
import { decideChildCancel } from './decide-child-cancel.js';
import { decideChildEnd } from './decide-child-end.js';

type EndedRow = Extract<FamilyRow, { kind: 'child_ended' }>;

interface ChildCancel {
  readonly parent: ExecutionRow;
  readonly childId: string;
  readonly force: boolean;
}

const BATCH = 500;
/** Of one execution, at one heartbeat. */
const MOST_REPEATED = 200;

/** $1 ids → those that are there */
const PRESENT_OUTBOX: Statement = {
  name: 'present_outbox',
  text: 'SELECT id FROM outbox WHERE id = ANY($1::uuid[])',
};

/** $1 parent's id → ids of its children that have not ended */
const READ_OPEN_CHILDREN: Statement = {
  name: 'read_open_children',
  text: `
SELECT id FROM executions
WHERE parent_execution_id = $1::uuid AND state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')`,
};

/** $1 ids → what the outputs of completed ones are beside JSON, where they are more */
const READ_OUTPUT_TYPES: Statement = {
  name: 'read_output_types',
  text: `
SELECT e.id, event.data->'outputTypes' AS "outputTypes"
FROM executions e
JOIN execution_events event ON event.execution_id = e.id AND event.seq = e.last_event_seq
WHERE e.id = ANY($1::uuid[]) AND e.state = 'COMPLETED' AND event.data->'outputTypes' IS NOT NULL`,
};

/** $1 execution id, $2 only ends with a greater number, $3 most rows → data of its children's ends, oldest first */
const READ_ENDS: Statement = {
  name: 'read_child_ends',
  text: `
SELECT data, (extract(epoch FROM at) * 1000)::float8 AS at
FROM execution_events
WHERE execution_id = $1::uuid AND type IN ('child_finished', 'child_refused') AND (data->>'number')::int > $2::int
ORDER BY seq
LIMIT $3::int`,
};

/**
 * Carries what happens to an execution to its parent and to its children, each step by an outbox row that the step before
 * has written, so that no crash loses one: ends go up, and cancels go down, generation by generation.
 */
export class Families {
  readonly #database: Database;
  readonly #store: ExecutionStore;
  readonly #writer: ExecutionWriter;
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #ends: Batcher<EndedRow, null>;
  readonly #cancels: Plan<ChildCancel, ExecutionRow, null>;

  constructor(
    database: Database,
    store: ExecutionStore,
    writer: ExecutionWriter,
    relay: Relay,
    { bus, topology, gracePeriodMs }: Omit<CoreOptions, 'databaseUrl'>,
  ) {
    this.#database = database;
    this.#store = store;
    this.#writer = writer;
    this.#bus = bus;
    this.#topology = topology;
    this.#ends = new Batcher((rows) => this.#recordEnds(rows), {
      maxBatch: BATCH,
      flights: 1,
      failsAll: isTransientError,
    });
    this.#cancels = {
      executionId: ({ childId }) => childId,
      read: (ids) => store.readRows(ids),
      decide: (row, { parent, force }, now) => {
        const change = row && decideChildCancel(parent, row, force, gracePeriodMs, now);
        return { change: change ?? null, reply: null };
      },
    };
    relay.applyFamily((row) => this.#apply(row));
  }

  /** Does what an outbox row says; it may be asked again, and does it once. */
  async #apply(row: FamilyRow): Promise<void> {
    if (row.kind === 'child_ended') await this.#ends.run(row);
    else await this.#cancelChildren(row.target, row.body.force);
  }

  /** Tells the owner again of the ends that it has not heard of. */
  async tellAgain({ id: executionId, attempt, workerId }: ExecutionRow, heard: number): Promise<void> {
    if (workerId === null) return;
    const ends = await this.#database.query<{ data: Record<string, unknown>; at: number }>(READ_ENDS, [
      executionId,
      heard,
      MOST_REPEATED,
    ]);
    for (const { data, at } of ends) {
      const body = { executionId, attempt, entry: toChildFinished(data, at) };
      // Lost again, it comes with the next heartbeat.
      await this.#bus
        .publish(this.#topology.control(workerId), 'child', body, { persistent: false })
        .catch(() => undefined);
    }
  }

  async #recordEnds(rows: readonly EndedRow[]): Promise<null[]> {
    const children = await this.#readEnded(rows.map(({ body }) => body.executionId));
    let present = new Set<string>();
    const plan: Plan<EndedRow, ExecutionRow, null> = {
      executionId: ({ target }) => target,
      read: async (ids) => {
        const parents = await this.#store.readRows(ids);
        // After the parents: whoever has recorded an end since has written its parent too, and a write of ours fails.
        present = await this.#present(rows);
        return parents;
      },
      decide: (row, { id, body }, now) => {
        const child = children.get(body.executionId);
        return { change: present.has(id) ? this.#end(row, child, id, now) : null, reply: null };
      },
    };
    return this.#writer.apply(plan, rows);
  }

  async #readEnded(ids: readonly string[]): Promise<Map<string, EndedChild>> {
    const [records, outputs] = await Promise.all([
      this.#store.readRecords(ids),
      this.#database.query<{ id: string; outputTypes: ValueTypes }>(READ_OUTPUT_TYPES, [ids]),
    ]);
    const types = new Map(outputs.map(({ id, outputTypes }) => [id, outputTypes]));
    return new Map(records.map((record) => [record.id, { ...record, outputTypes: types.get(record.id) }]));
  }

  #end(row: ExecutionRow | undefined, child: EndedChild | undefined, outboxId: string, now: number) {
    if (!row || !child || !isTerminal(child.state)) return null;
    const change = decideChildEnd(row, child, now);
    return change && { ...change, consumes: [outboxId] };
  }

  async #present(rows: readonly EndedRow[]): Promise<Set<string>> {
    const found = await this.#database.query<{ id: string }>(PRESENT_OUTBOX, [rows.map(({ id }) => id)]);
    return new Set(found.map(({ id }) => id));
  }

  async #cancelChildren(parentId: string, force: boolean): Promise<void> {
    const [parent] = await this.#store.readRows([parentId]);
    if (!parent) return;
    const children = await this.#database.query<{ id: string }>(READ_OPEN_CHILDREN, [parentId]);
    const items = children.map(({ id }) => ({ parent, childId: id, force }));
    for (let start = 0; start < items.length; start += BATCH) {
      await this.#writer.apply(this.#cancels, items.slice(start, start + BATCH));
    }
  }
}

/** The end of a child as its event has it. */
export function toChildFinished(data: Readonly<Record<string, unknown>>, at: number): ChildFinished {
  const { callId, name, number } = data;
  return {
    type: 'child_finished',
    callId: String(callId),
    name: String(name),
    number: Number(number),
    end: childEnd.parse('state' in data ? data : { ...data, state: 'REFUSED', child: childLink.parse(data) }),
    at,
  };
}
