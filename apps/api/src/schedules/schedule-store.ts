import type { ExecutionState } from '@flux/domain';
import type { Database, Sql } from '../database/database.js';
import { isoOrNull } from '../executions/iso-or-null.js';
import { dueAtOf, type FireRow, type ScheduleRow } from './schedule-row.js';
import {
  DELETE_SCHEDULE,
  FIND_DUE,
  INSERT_SCHEDULE,
  LIST_SCHEDULES,
  LOCK_DUE,
  LOCK_SCHEDULE,
  POSTPONE,
  READ_FIRES,
  READ_SCHEDULE,
  WRITE_SCHEDULE,
} from './sql.js';

/** So many fires a schedule remembers. */
export const FIRES_KEPT = 1_000;

/** A schedule with what is known of its last execution. */
export interface KnownSchedule extends ScheduleRow {
  /** Of the execution that it started last. */
  readonly lastState: ExecutionState | null;
}

/** Reads and writes schedules and their fires. What changes one holds its row: `tx` is that transaction. */
export class ScheduleStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async findDue(limit: number): Promise<string[]> {
    const rows = await this.#database.query<{ id: string }>(FIND_DUE, [
      isoOrNull(this.#database.now()),
      limit,
    ]);
    return rows.map(({ id }) => id);
  }

  /** Takes it if it is due; `undefined` when it is not, or when another replica has it. */
  async lockDue(tx: Sql, id: string): Promise<KnownSchedule | undefined> {
    const [taken] = await tx.query(LOCK_DUE, [id, isoOrNull(this.#database.now())]);
    return taken ? this.read(id, tx) : undefined;
  }

  /** Waits for its turn; `undefined` when there is no such schedule. */
  async lock(tx: Sql, id: string): Promise<KnownSchedule | undefined> {
    const [found] = await tx.query(LOCK_SCHEDULE, [id]);
    return found ? this.read(id, tx) : undefined;
  }

  async read(id: string, sql: Sql = this.#database): Promise<KnownSchedule | undefined> {
    return (await sql.query<KnownSchedule>(READ_SCHEDULE, [id]))[0];
  }

  list(workflowName: string | undefined, after: string | undefined, limit: number): Promise<ScheduleRow[]> {
    return this.#database.query(LIST_SCHEDULES, [workflowName ?? null, after ?? null, limit]);
  }

  fires(id: string, before: number | undefined, limit: number): Promise<FireRow[]> {
    return this.#database.query(READ_FIRES, [id, before ?? null, limit]);
  }

  /** False when there is one of that id. */
  async insert(row: ScheduleRow): Promise<boolean> {
    const inserted = await this.#database.query(INSERT_SCHEDULE, [
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
    await tx.query(WRITE_SCHEDULE, [
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
    await this.#database.query(POSTPONE, [id, isoOrNull(this.#database.now() + milliseconds)]);
  }

  async delete(tx: Sql, id: string): Promise<void> {
    await tx.query(DELETE_SCHEDULE, [id]);
  }
}
