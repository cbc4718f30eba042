import type { EventPage, EventResource, ExecutionPage, ExecutionResource, ListQuery } from '@flux/contracts';
import type { Database, Statement } from '../../database/database.js';
import { executionNotFound, normalizeId, toEvent, toResource, type EventRow } from '../execution-resource.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { HistoryQuery } from '../execution-service.js';
import type { ExecutionStore } from '../execution-store.js';
import { millis } from '../sql/columns.js';
import { encodeCursor } from './cursor.js';
import { listStatement } from './list-statement.js';

/** The events of an execution under `detailed` come whole; no history is longer. */
const ALL_EVENTS = 1_000_000;

/** $1 execution id, $2 only events after this number, $3 most rows → EventRow */
const READ_EVENTS: Statement = {
  name: 'read_events',
  text: `
SELECT seq, type, ${millis('at')} AS at, attempt, data
FROM execution_events
WHERE execution_id = $1::uuid AND seq > $2::int
ORDER BY seq
LIMIT $3::int`,
};

/** Reads executions and their histories for REST. */
export class ExecutionReader {
  readonly #database: Database;
  readonly #store: ExecutionStore;

  constructor(database: Database, store: ExecutionStore) {
    this.#database = database;
    this.#store = store;
  }

  /**
   * @param workflowName `undefined` for any
   * @throws FluxError `EXECUTION_NOT_FOUND`
   */
  async record(workflowName: string | undefined, executionId: string): Promise<ExecutionRecord> {
    const id = normalizeId(executionId);
    const [record] = id === undefined ? [] : await this.#store.readRecords([id]);
    if (!record || (workflowName !== undefined && record.workflowName !== workflowName)) {
      throw executionNotFound(workflowName, executionId);
    }
    return record;
  }

  async get(workflowName: string, executionId: string, detailed: boolean): Promise<ExecutionResource> {
    const record = await this.record(workflowName, executionId);
    if (!detailed) return toResource(record);
    return { ...toResource(record), events: await this.events(record.id, 0, ALL_EVENTS) };
  }

  async history(workflowName: string, executionId: string, query: HistoryQuery): Promise<EventPage> {
    const { id } = await this.record(workflowName, executionId);
    const found = await this.events(id, query.afterSeq, query.limit + 1);
    const items = found.slice(0, query.limit);
    const last = items.at(-1);
    return { items, nextCursor: found.length > items.length && last ? String(last.seq) : null };
  }

  /** Consecutive events from after `afterSeq` on, at most `limit`. */
  async events(id: string, afterSeq: number, limit: number): Promise<EventResource[]> {
    return (await this.#database.query<EventRow>(READ_EVENTS, [id, afterSeq, limit])).map(toEvent);
  }

  async list(query: ListQuery): Promise<ExecutionPage> {
    const list = listStatement(query);
    if (!list) return { items: [], nextCursor: null };
    const found = await this.#database.query<ExecutionRecord>(list.statement, list.values);
    const items = found.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items: items.map(toResource),
      nextCursor: found.length > items.length && last ? encodeCursor(last) : null,
    };
  }
}
