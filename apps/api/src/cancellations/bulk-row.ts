import type { BulkCancelResource, BulkCounts } from '@flux/contracts';
import type { CancelCause } from '@flux/domain';
import { millis } from '../executions/sql/columns.js';

/** A bulk cancel as stored; times are epoch milliseconds. */
export interface BulkRow {
  readonly id: string;
  readonly state: BulkCancelResource['state'];
  readonly filter: Readonly<Record<string, unknown>> | null;
  readonly event: { readonly name: string; readonly key: string } | null;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly cause: CancelCause;
  readonly force: boolean;
  readonly gracePeriodMs: number | null;
  readonly ratePerSecond: number | null;
  /** Who has it taken back. */
  readonly undo: { readonly requestedBy: string; readonly reason: string | null } | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
  readonly total: number;
  readonly requested: number;
  readonly cancelled: number;
  readonly completed: number;
  readonly failed: number;
  readonly alreadyFinished: number;
  readonly gone: number;
  readonly undone: number;
}

/** The columns of a BulkRow, of the table alias `c`. */
export const BULK_COLUMNS = `
  c.id, c.state, c.filter, c.event, c.requested_by AS "requestedBy", c.reason, c.cause, c.force,
  c.grace_period_ms AS "gracePeriodMs", c.rate_per_second AS "ratePerSecond", c.undo,
  ${millis('c.created_at')} AS "createdAt", ${millis('c.finished_at')} AS "finishedAt",
  c.total, c.requested, c.cancelled, c.completed, c.failed, c.already_finished AS "alreadyFinished", c.gone, c.undone`;

function countsOf(row: BulkRow): BulkCounts {
  const { total, requested, cancelled, completed, failed, alreadyFinished, gone, undone } = row;
  const known = { requested, cancelled, completed, failed, alreadyFinished, gone, undone };
  const rest = total - Object.values(known).reduce((sum, count) => sum + count, 0);
  const stopped = row.state === 'stopped';
  return { total, ...known, waiting: stopped ? 0 : rest, skipped: stopped ? rest : 0 };
}

/** A bulk cancel as REST shows it. */
export function toBulkResource(row: BulkRow): BulkCancelResource {
  return {
    cancellationId: row.id,
    state: row.state,
    filter: row.filter,
    event: row.event,
    requestedBy: row.requestedBy,
    reason: row.reason,
    force: row.force,
    gracePeriodMs: row.gracePeriodMs,
    ratePerSecond: row.ratePerSecond,
    createdAt: new Date(row.createdAt).toISOString(),
    finishedAt: row.finishedAt === null ? null : new Date(row.finishedAt).toISOString(),
    counts: countsOf(row),
  };
}
