import type { HistoryReply, MessageBody } from '@flux/contracts';
import type { Database } from '../database/database.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import { readPages } from './read-history.js';

/** A message that any broker takes and that keeps neither side busy for long. */
const PAGE = { events: 2_000, bytes: 1024 ** 2 };

/** Hands the history of an execution to its owner, beyond the page that came with the claim. */
export class HistoryPages {
  constructor(
    private readonly database: Database,
    private readonly store: ExecutionStore,
  ) {}

  /** A page; nothing for an attempt that is not the execution's present one, or another worker's. */
  async read({ workerId, executionId, attempt, after }: MessageBody<'history'>): Promise<HistoryReply> {
    const pages = await readPages(this.database, [{ executionId, after }], PAGE);
    // Looked at last: a page that was read before a later attempt began has nothing of that attempt's.
    const [row] = await this.store.readRows([executionId]);
    const owned = row?.attempt === attempt && row.workerId === workerId;
    return { owned, entries: [], ...(owned && pages.get(executionId)) };
  }
}
