import type { Database, Sql, Statement } from '../database/database.js';
import { OUTBOX_LEASE_MS } from '../dispatch/outbox.js';
import { hasFamily, writeFamily } from './children/write-family.js';
import type { Draft } from './draft.js';
import type { ExecutionRecord, ExecutionRow } from './execution-row.js';
import { isoOrNull } from './iso-or-null.js';
import { dueAt } from './schedule.js';
import { READ_RECORDS, READ_ROWS, READ_ROWS_WITH_INPUT } from './sql/read-executions.js';
import { WRITE_CHANGES } from './sql/write-changes.js';

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

/** Reads executions, and writes what was decided about them, many at a time. */
export class ExecutionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  readRows(ids: readonly string[]): Promise<ExecutionRow[]> {
    return this.#read(READ_ROWS, ids);
  }

  readRowsWithInput(ids: readonly string[]): Promise<(ExecutionRow & { input: unknown })[]> {
    return this.#read(READ_ROWS_WITH_INPUT, ids);
  }

  /** As {@link Database.now}. */
  now(): number {
    return this.#database.now();
  }

  readRecords(ids: readonly string[]): Promise<ExecutionRecord[]> {
    return this.#read(READ_RECORDS, ids);
  }

  /**
   * Writes each draft whole or not at all; resolves with the ids of those written.
   * @throws ChildIdTakenError when nothing is written
   */
  async write(drafts: readonly Draft<ExecutionRow>[]): Promise<Set<string>> {
    if (!hasFamily(drafts)) return this.#write(this.#database, drafts);
    return writeFamily(this.#database, drafts, (sql, own) => this.#write(sql, own));
  }

  async #write(sql: Sql, drafts: readonly Draft<ExecutionRow>[]): Promise<Set<string>> {
    const changes = drafts
      .flatMap((draft) => (draft.row ? [{ draft, row: draft.row }] : []))
      .sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
    const rows = changes.map((change) => change.row);
    const events = changes.flatMap(({ draft, row }) => draft.events.map((event) => ({ event, id: row.id })));
    const outbox = changes.flatMap(({ draft, row }) =>
      draft.outbox.map((message) => ({ message, id: row.id })),
    );
    const leaseUntil = isoOrNull(this.now() + OUTBOX_LEASE_MS);
    const written = await sql.query<{ id: string }>(WRITE_CHANGES, [
      rows.map((row) => row.id),
      rows.map((row) => row.version),
      rows.map((row) => row.state),
      rows.map((row) => row.attempt),
      rows.map((row) => row.workerId),
      rows.map((row) => row.claimId),
      rows.map((row) => row.checkpointSeq),
      rows.map((row) => row.lastEventSeq),
      rows.map((row) => isoOrNull(row.startedAt)),
      rows.map((row) => isoOrNull(row.finishedAt)),
      rows.map((row) => isoOrNull(row.timeoutAt)),
      rows.map((row) => jsonOrNull(row.cancellation)),
      changes.map(({ draft }) => jsonOrNull(draft.result?.output)),
      changes.map(({ draft }) => jsonOrNull(draft.result?.error)),
      rows.map((row) => isoOrNull(row.nextDispatchAt)),
      rows.map((row) => row.dispatchCount),
      rows.map((row) => isoOrNull(dueAt(row))),
      rows.map((row) => row.gracePeriodMs),
      rows.map((row) => jsonOrNull(row.parking)),
      events.map(({ id }) => id),
      events.map(({ event }) => event.seq),
      events.map(({ event }) => event.type),
      events.map(({ event }) => isoOrNull(event.at)),
      events.map(({ event }) => event.attempt),
      events.map(({ event }) => JSON.stringify(event.data)),
      outbox.map(({ message }) => message.id),
      outbox.map(({ message }) => message.kind),
      outbox.map(({ message }) => message.target),
      outbox.map(({ message }) => JSON.stringify(message.body)),
      outbox.map(() => leaseUntil),
      outbox.map(({ id }) => id),
      rows.map((row) => row.workflowVersion),
      rows.map((row) => jsonOrNull(row.children)),
      rows.map((row) => row.runnerLosses),
    ]);
    return new Set(written.map((row) => row.id));
  }

  #read<Row>(statement: Statement, ids: readonly string[]): Promise<Row[]> {
    return this.#database.query<Row>(statement, [ids]);
  }
}
