import type { BulkItemResource, BulkOutcome, BulkPreviewResource } from '@flux/contracts';
import { queryLong } from '../database/long-query.js';
import type { Database } from '../database/database.js';
import type { Moved } from '../executions/announcer.js';
import type { Clause } from '../store/filter.js';
import type { BulkRow } from './bulk-row.js';
import { CANCEL_SCHEDULED } from './sql/cancel-scheduled.js';
import * as jobs from './sql/jobs.js';
import { previewStatement, snapshotStatement } from './sql/take-snapshot.js';

/** How long a snapshot may take: it may be of millions. */
const SNAPSHOT_LIMIT_MS = 240_000;

/** A bulk cancel that is to be. */
export type NewBulk = Pick<
  BulkRow,
  'id' | 'filter' | 'event' | 'requestedBy' | 'reason' | 'cause' | 'force' | 'gracePeriodMs' | 'ratePerSecond'
>;

/** Positions of a job that one replica works on for a while. */
export interface Chunk {
  readonly first: number;
  readonly last: number;
}

export interface WaitingItem {
  readonly position: number;
  readonly executionId: string;
}

export type ItemRow = BulkItemResource & { readonly position: number };

/** A bulk cancel under way, with an execution whose children are barred by it. */
export interface BarRow extends BulkRow {
  readonly parentId: string;
  readonly parentWorkflow: string;
  readonly parentLabels: Readonly<Record<string, string>>;
}

export interface PreviewRow {
  readonly byState: BulkPreviewResource['byState'] | null;
  readonly examples:
    | readonly (Omit<BulkPreviewResource['examples'][number], 'createdAt'> & { readonly createdAt: number })[]
    | null;
}

/** Bulk cancels in the database. */
export class BulkStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Writes the job with its snapshot. A job of an event is written only where something fits; `undefined`: nothing was
   * written.
   * @param join further tables that the clause is about
   */
  async create(bulk: NewBulk, clause: Clause, join?: string): Promise<BulkRow | undefined> {
    const values = [
      bulk.id,
      bulk.filter && JSON.stringify(bulk.filter),
      bulk.event && JSON.stringify(bulk.event),
      bulk.requestedBy,
      bulk.reason,
      bulk.cause,
      bulk.force,
      bulk.gracePeriodMs,
      bulk.ratePerSecond,
      new Date(this.#database.now()).toISOString(),
      bulk.event === null,
      ...clause.values,
    ];
    const statement = snapshotStatement(clause, join);
    const [row] = await queryLong<BulkRow>(this.#database, statement, values, SNAPSHOT_LIMIT_MS);
    return row;
  }

  async preview(clause: Clause, examples: number): Promise<PreviewRow> {
    const values = [...clause.values, examples];
    const statement = previewStatement(clause);
    const [row] = await queryLong<PreviewRow>(this.#database, statement, values, SNAPSHOT_LIMIT_MS);
    return row ?? { byState: null, examples: null };
  }

  openJobs(): Promise<BulkRow[]> {
    return this.#database.query<BulkRow>(jobs.OPEN_JOBS, []);
  }

  async read(id: string): Promise<BulkRow | undefined> {
    const [row] = await this.#database.query<BulkRow>(jobs.READ_JOB, [id]);
    return row;
  }

  list(before: string | undefined, limit: number): Promise<BulkRow[]> {
    return this.#database.query<BulkRow>(jobs.LIST_JOBS, [before ?? null, limit]);
  }

  /** @param undo who has what is under way taken back; absent: nobody */
  async stop(id: string, undo: BulkRow['undo']): Promise<BulkRow | undefined> {
    const [row] = await this.#database.query<BulkRow>(jobs.STOP_JOB, [id, undo && JSON.stringify(undo)]);
    return row;
  }

  items(
    id: string,
    after: number,
    outcomes: readonly string[] | undefined,
    limit: number,
  ): Promise<ItemRow[]> {
    return this.#database.query<ItemRow>(jobs.READ_ITEMS, [id, after, outcomes ?? null, limit]);
  }

  /** The next positions of a job, for `leaseMs`; `undefined` when there is nothing to take now. */
  async takeChunk(id: string, size: number, leaseMs: number): Promise<Chunk | undefined> {
    const [chunk] = await this.#database.query<Chunk>(jobs.TAKE_CHUNK, [id, size, leaseMs]);
    return chunk;
  }

  async endChunk(id: string, { first }: Chunk): Promise<void> {
    await this.#database.query(jobs.END_CHUNK, [id, first]);
  }

  /** Items whose cancel is under way, of positions after `after`. */
  requested(id: string, after: number, limit: number): Promise<WaitingItem[]> {
    return this.#database.query<WaitingItem>(jobs.READ_REQUESTED, [id, after, limit]);
  }

  waiting(id: string, { first, last }: Chunk): Promise<WaitingItem[]> {
    return this.#database.query<WaitingItem>(jobs.READ_WAITING, [id, first, last]);
  }

  /** Cancels what the chunk has of executions that no worker ever had; resolves with what it wrote. */
  cancelScheduled(id: string, { first, last }: Chunk, defaultGraceMs: number, now: number): Promise<Moved[]> {
    const at = new Date(now).toISOString();
    const values = [id, first, last, at, now, defaultGraceMs, at];
    return this.#database.query<Moved>(CANCEL_SCHEDULED, values);
  }

  /** Gives items the outcome they have come to, unless they no longer have the outcome `was`. */
  async mark(
    id: string,
    was: BulkOutcome,
    marks: readonly (readonly [number, BulkOutcome])[],
  ): Promise<void> {
    const [positions, outcomes] = [marks.map(([position]) => position), marks.map(([, outcome]) => outcome)];
    if (marks.length > 0) await this.#database.query(jobs.MARK_ITEMS, [id, positions, outcomes, was]);
  }

  /** Takes over how cancels under way have ended, of at most `limit` items after the position `after`. */
  async settle(id: string, after: number, limit: number): Promise<{ last: number; looked: number }> {
    const values = [id, after, limit];
    const [row] = await this.#database.query<{ last: number; looked: number }>(jobs.SETTLE_ITEMS, values);
    return row ?? { last: 0, looked: 0 };
  }

  /** The bulk cancels under way that children of these executions may not outrun. */
  bars(parents: readonly string[]): Promise<BarRow[]> {
    return this.#database.query<BarRow>(jobs.READ_BARS, [parents]);
  }

  /**
   * Takes into a job what was on its way when it took its snapshot, if nothing else is left to do.
   * @param clause its parameters numbered after the first two
   */
  async extend(id: string, clause: Clause): Promise<void> {
    const [done] = await this.#database.query<{ createdAt: string }>(jobs.READ_DONE, [id]);
    if (!done) return;
    await this.#database.query(jobs.extendStatement(clause), [id, done.createdAt, ...clause.values]);
  }

  /** Ends the job, if nothing is left to do. */
  async finish(id: string): Promise<void> {
    await this.#database.query(jobs.FINISH_JOB, [id, new Date(this.#database.now()).toISOString()]);
  }

  /** Deletes what events would look up of executions that have ended. */
  async forgetKeys(): Promise<void> {
    await queryLong(this.#database, jobs.FORGET_KEYS, [], SNAPSHOT_LIMIT_MS);
  }

  /** Deletes one job that ended longer ago than `ageMs`; false when there is none. */
  async forget(ageMs: number): Promise<boolean> {
    const since = new Date(this.#database.now() - ageMs).toISOString();
    return (await this.#database.query(jobs.FORGET_JOB, [since])).length > 0;
  }
}
