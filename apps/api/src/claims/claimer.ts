import type { ClaimResult } from '@flux/contracts';
import { Batcher } from '../database/batcher.js';
import type { Database } from '../database/database.js';
import { isConnectionError } from '../database/errors.js';
import { childrenOf } from '../executions/children/family.js';
import type { ExecutionRow } from '../executions/execution-row.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { ExecutionWriter } from '../executions/execution-writer.js';
import { noticeOf } from '../executions/notices.js';
import type { LiveWorkers } from '../fleet/live-workers.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import { decideClaim, type ClaimDecision, type ClaimWish } from './decide-claim.js';
import { readPages, type Page } from './read-history.js';

type Row = ExecutionRow & { readonly input: unknown };
type Item = ClaimWish & { readonly executionId: string };

/** Of each claim: many are answered in one message. */
const FIRST_PAGE = { events: 500, bytes: 64 * 1024 };

/** Answers claims, many per transaction. */
export class Claimer {
  readonly #database: Database;
  readonly #workers: LiveWorkers;
  readonly #metrics: CoreMetrics;
  readonly #defaultGraceMs: number;
  readonly #batcher: Batcher<Item, ClaimResult>;

  constructor(
    database: Database,
    store: ExecutionStore,
    writer: ExecutionWriter,
    workers: LiveWorkers,
    metrics: CoreMetrics,
    defaultGraceMs: number,
  ) {
    this.#database = database;
    this.#workers = workers;
    this.#metrics = metrics;
    this.#defaultGraceMs = defaultGraceMs;
    const plan = {
      executionId: (item: Item) => item.executionId,
      read: (ids: readonly string[]) => store.readRowsWithInput(ids),
      decide: (row: Row | undefined, item: Item, now: number) => {
        const decision = decideClaim(row, item, now);
        return { change: decision.kind === 'granted' ? decision.change : null, reply: decision };
      },
    };
    this.#batcher = new Batcher(async (items) => this.#reply(items, await writer.apply(plan, items)), {
      maxBatch: 200,
      flights: 2,
      failsAll: isConnectionError,
    });
  }

  /** The answer to each claim of one worker, in order. A worker that is not registered, or lost, gets nothing. */
  async claim(workerId: string, claims: readonly Omit<Item, 'workerId'>[]): Promise<ClaimResult[]> {
    if (!(await this.#workers.isLive(workerId))) {
      return claims.map(({ executionId }) => ({ executionId, granted: false, reason: 'UNKNOWN_WORKER' }));
    }
    return Promise.all(claims.map((claim) => this.#batcher.run({ ...claim, workerId })));
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  async #reply(items: readonly Item[], decisions: readonly ClaimDecision<Row>[]): Promise<ClaimResult[]> {
    this.#metrics.refused('claim', decisions.filter(({ kind }) => kind === 'refused').length);
    const retried = decisions.flatMap((decision) =>
      decision.kind === 'granted' && decision.row.attempt > 1
        ? [{ executionId: decision.row.id, after: 0 }]
        : [],
    );
    // Read after the write: from then on the attempts before are fenced and record nothing more.
    const pages = await readPages(this.#database, retried, FIRST_PAGE);
    return items.map(({ executionId }, index) => {
      const decision = decisions[index];
      return decision?.kind === 'granted'
        ? this.#grant(decision.row, pages.get(executionId) ?? { entries: [] })
        : { executionId, granted: false, reason: decision?.reason ?? 'EXECUTION_NOT_FOUND' };
    });
  }

  #grant(row: Row, { entries, next }: Page): ClaimResult {
    return {
      executionId: row.id,
      granted: true,
      attempt: row.attempt,
      workflowName: row.workflowName,
      input: row.input,
      history: entries,
      ...(next !== undefined && { next }),
      gracePeriodMs: row.gracePeriodMs ?? this.#defaultGraceMs,
      childrenHeard: childrenOf(row).finished,
      isolate: row.runnerLosses > 0,
      cancel: noticeOf(row, this.#database.now()),
    };
  }
}
