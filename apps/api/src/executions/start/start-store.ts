import type { Database, Sql } from '../../database/database.js';
import { runMessage, type OutboxRow } from '../../dispatch/outbox.js';
import type { Relay } from '../../dispatch/relay.js';
import { withId } from '../draft.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { ExecutionStore } from '../execution-store.js';
import { FIND_BY_KEY, INSERT_EXECUTIONS } from './insert-executions.js';
import { insertValues, type NewExecution } from './insert-values.js';

/** Of each item whether it is new, and the run messages of those that are. */
export interface Created {
  readonly created: readonly boolean[];
  readonly outbox: readonly OutboxRow[];
}

/** Creates executions and finds those that were there before. */
export class StartStore {
  readonly #database: Database;
  readonly #executions: ExecutionStore;
  readonly #relay: Relay;

  constructor(database: Database, executions: ExecutionStore, relay: Relay) {
    this.#database = database;
    this.#executions = executions;
    this.#relay = relay;
  }

  /** Creates those that are new and dispatches them; says of each whether it was. */
  async insert(items: readonly NewExecution[]): Promise<readonly boolean[]> {
    const { created, outbox } = await this.create(this.#database, items);
    this.#relay.publish(outbox);
    return created;
  }

  /** As {@link Database.now}. */
  now(): number {
    return this.#database.now();
  }

  /** Creates those that are new in a transaction of the caller's, who publishes `outbox` once that is durable. */
  async create(sql: Sql, items: readonly NewExecution[]): Promise<Created> {
    if (items.length === 0) return { created: [], outbox: [] };
    // The same id twice in one batch: the first is created, and `RETURNING` could not tell them apart.
    const unique = new Map<string, NewExecution>();
    for (const item of items) if (!unique.has(item.record.id)) unique.set(item.record.id, item);
    // In one order everywhere: two batches that insert the same keys must not wait for each other.
    const wanted = [...unique.values()].sort((a, b) => compare(conflictKey(a), conflictKey(b)));
    const outbox = wanted.map(({ record }) => withId(runMessage(record)));
    const rows = await sql.query<{ id: string }>(INSERT_EXECUTIONS, insertValues(wanted, outbox, this.now()));
    const created = new Set(rows.map((row) => row.id));
    return {
      created: items.map((item) => created.has(item.record.id) && unique.get(item.record.id) === item),
      outbox: outbox.filter((_, index) => created.has(wanted[index]?.record.id ?? '')),
    };
  }

  /** The execution that stands in the way of one with this id or this key. */
  async findExisting(
    id: string,
    workflowName: string,
    idempotencyKey: string | undefined,
  ): Promise<ExecutionRecord | undefined> {
    const [byId] = await this.#executions.readRecords([id]);
    if (byId || idempotencyKey === undefined) return byId;
    const [found] = await this.#database.query<{ id: string }>(FIND_BY_KEY, [workflowName, idempotencyKey]);
    return found && (await this.#executions.readRecords([found.id]))[0];
  }
}

function conflictKey({ record, idempotencyKey }: NewExecution): string {
  return idempotencyKey === undefined ? record.id : `${record.workflowName}\0${idempotencyKey}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
