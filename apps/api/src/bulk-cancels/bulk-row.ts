import type { BulkCancelResource, BulkCounts } from '@flux/contracts';
import type { CancelCause } from '@flux/domain';
import { millis } from '../store/sql.js';

type Asked =
  'state' | 'filter' | 'event' | 'requestedBy' | 'reason' | 'force' | 'gracePeriodMs' | 'ratePerSecond';

/** A bulk cancel as stored; times are epoch milliseconds. */
export interface BulkRow
  extends Readonly<Pick<BulkCancelResource, Asked>>, Readonly<Omit<BulkCounts, 'waiting' | 'skipped'>> {
  readonly id: string;
  readonly cause: CancelCause;
  /** The caller who has the bulk cancel taken back. */
  readonly undo: { readonly requestedBy: string; readonly reason: string | null } | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
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
