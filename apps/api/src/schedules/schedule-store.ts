import { PAGE_BYTES } from '@flux/contracts';
import type { ExecutionState } from '@flux/domain';
import type { Database, Sql } from '../database/database.js';
import { isoOrNull } from '../lifecycle/timing.js';
import { dueAtOf, type FireRow, type ScheduleRow } from './schedule-row.js';
import * as sql from './sql.js';

/** The number of fires that a schedule remembers. */
const FIRES_KEPT = 1_000;

/** A schedule with what is known of its last execution. */
export interface KnownSchedule extends ScheduleRow {
  /** The state of the execution that it started last. */
  readonly lastState: ExecutionState | null;
}

interface SchedulePart {
  readonly items: ScheduleRow[];
  /** Whether there are schedules behind. */
  readonly more: boolean;
}

/** Reads and writes schedules and their fires. What changes one holds its row: `tx` is that transaction. */
export class ScheduleStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async findDue(limit: number): Promise<string[]> {
    const now = isoOrNull(this.#database.now());
    const rows = await this.#database.query<{ id: string }>(sql.FIND_DUE, [now, limit]);
    return rows.map(({ id }) => id);
  }

  /** Takes it if it is due; `undefined` when it is not, or when another replica has it. */
  async lockDue(tx: Sql, id: string): Promise<KnownSchedule | undefined> {
    const [taken] = await tx.query(sql.LOCK_DUE, [id, isoOrNull(this.#database.now())]);
    return taken ? this.read(id, tx) : undefined;
  }

  /** Waits for its turn; `undefined` when there is no such schedule. */
  async lock(tx: Sql, id: string): Promise<KnownSchedule | undefined> {
    const [found] = await tx.query(sql.LOCK_SCHEDULE, [id]);
    return found ? this.read(id, tx) : undefined;
  }

  async read(id: string, tx: Sql = this.#database): Promise<KnownSchedule | undefined> {
    return (await tx.query<KnownSchedule>(sql.READ_SCHEDULE, [id]))[0];
  }

  /** A page by id, of at most `limit` rows and so many bytes as a page has. */
  async list(
    workflowName: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<SchedulePart> {
    const values = [workflowName ?? null, after ?? null, limit + 1, PAGE_BYTES];
    const rows = await this.#database.query<ScheduleRow & { readonly candidates: number }>(
      sql.LIST_SCHEDULES,
      values,
    );
    const items = rows.slice(0, limit);
    return { items, more: (rows[0]?.candidates ?? 0) > items.length };
  }

  fires(id: string, before: number | undefined, limit: number): Promise<FireRow[]> {
    return this.#database.query(sql.READ_FIRES, [id, before ?? null, limit]);
  }

  /** False when there is one of that id. */
  async insert(row: ScheduleRow): Promise<boolean> {
    const inserted = await this.#database.query(sql.INSERT_SCHEDULE, [
      row.id,
      row.spec.workflowName,
      JSON.stringify(row.spec),
      row.paused,
      isoOrNull(row.createdAt),
      row.createdBy,
      isoOrNull(row.nextFireAt),
    ]);
    return inserted.length > 0;
  }

  async write(tx: Sql, row: ScheduleRow, fires: readonly FireRow[], now: number): Promise<void> {
    await tx.query(sql.WRITE_SCHEDULE, [
      row.id,
      row.spec.workflowName,
      JSON.stringify(row.spec),
      row.paused,
      isoOrNull(row.updatedAt),
      row.updatedBy,
      isoOrNull(row.anchorAt),
      isoOrNull(row.nextFireAt),
      isoOrNull(row.lastPlannedAt),
      row.fireSeq,
      row.waiting?.seq ?? null,
      row.lastExecutionId,
      FIRES_KEPT,
      fires.map((fire) => fire.seq),
      fires.map((fire) => isoOrNull(fire.plannedAt)),
      fires.map((fire) => isoOrNull(fire.firedAt)),
      fires.map((fire) => fire.triggeredBy),
      fires.map((fire) => fire.outcome),
      fires.map((fire) => fire.executionId),
      fires.map((fire) => fire.reason),
      fires.map((fire) => fire.code),
      fires.map((fire) => fire.count),
      fires.map((fire) => isoOrNull(fire.lastPlannedAt)),
      isoOrNull(dueAtOf(row, now)),
    ]);
  }

  async postpone(id: string, milliseconds: number): Promise<void> {
    await this.#database.query(sql.POSTPONE, [id, isoOrNull(this.#database.now() + milliseconds)]);
  }

  async delete(tx: Sql, id: string): Promise<void> {
    await tx.query(sql.DELETE_SCHEDULE, [id]);
  }
}
