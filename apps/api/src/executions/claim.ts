import type { ClaimResult } from '@flux/contracts';
import { isolationOf } from '@flux/domain';
import { Batcher } from '../flow/batcher.js';
import { childrenOf } from '../lifecycle/children.js';
import type { ClaimDecision, ClaimWish } from '../lifecycle/claim.js';
import { noticeOf } from '../lifecycle/messages.js';
import type { Page } from '../store/history-pages.js';
import type { RowWithInput } from '../store/ports.js';
import { REQUEST_BATCHES, type VerbParts } from './parts.js';

type ClaimItem = ClaimWish & { readonly executionId: string };

/** The most of an input and of a history that goes with each claim: many claims are answered together. */
const MOST_INPUT_BYTES = 8 * 1024;
const FIRST_PAGE = { events: 500, bytes: 16 * 1024, mayBeEmpty: true };

type ClaimerParts = Pick<
  VerbParts,
  'stores' | 'writer' | 'workers' | 'metrics' | 'decisions' | 'gracePeriodMs'
>;

/** Answers claims, many per transaction. */
export class Claimer {
  readonly #parts: ClaimerParts;
  readonly #batcher: Batcher<ClaimItem, ClaimResult>;

  constructor(parts: ClaimerParts) {
    this.#parts = parts;
    const { stores, writer, decisions } = parts;
    const plan = {
      executionId: (item: ClaimItem) => item.executionId,
      read: (ids: readonly string[]) => stores.executions.readRowsWithInput(ids, MOST_INPUT_BYTES),
      decide: (row: RowWithInput | undefined, item: ClaimItem, now: number) => {
        const decision = decisions.decideClaim(row, item, now);
        return { change: decision.kind === 'granted' ? decision.change : null, reply: decision };
      },
    };
    this.#batcher = new Batcher(
      async (items) => this.#reply(items, await writer.apply(plan, items)),
      REQUEST_BATCHES,
    );
  }

  /** The answer to each claim of one worker, in order. A worker that is not registered, or lost, gets nothing. */
  async claim(
    workerId: string,
    claims: readonly Omit<ClaimItem, 'workerId' | 'held'>[],
  ): Promise<ClaimResult[]> {
    const held = await this.#parts.workers.wishFor(workerId);
    if (held === undefined) {
      return claims.map(({ executionId }) => ({ executionId, granted: false, reason: 'UNKNOWN_WORKER' }));
    }
    return Promise.all(claims.map((claim) => this.#batcher.run({ ...claim, workerId, held })));
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  async #reply(
    items: readonly ClaimItem[],
    decisions: readonly ClaimDecision<RowWithInput>[],
  ): Promise<ClaimResult[]> {
    this.#parts.metrics.refused('claim', decisions.filter(({ kind }) => kind === 'refused').length);
    const retried = decisions.flatMap((decision) =>
      decision.kind === 'granted' && decision.row.attempt > 1
        ? [{ executionId: decision.row.id, after: 0 }]
        : [],
    );
    // Read after the write: from then on the attempts before are fenced and record nothing more.
    const { histories } = this.#parts.stores;
    const pages = retried.length > 0 ? await histories.readPages(retried, FIRST_PAGE) : undefined;
    return items.map(({ executionId }, index) => {
      const decision = decisions[index];
      return decision?.kind === 'granted'
        ? this.#grant(decision.row, pages?.get(executionId) ?? { entries: [] })
        : { executionId, granted: false, reason: decision?.reason ?? 'EXECUTION_NOT_FOUND' };
    });
  }

  #grant(row: RowWithInput, { entries, next }: Page): ClaimResult {
    const { isolate, ownProcess } = isolationOf(row.runnerLosses);
    return {
      executionId: row.id,
      granted: true,
      attempt: row.attempt,
      workflowName: row.workflowName,
      input: row.input,
      ...(row.parent?.inputTypes && { inputTypes: row.parent.inputTypes }),
      ...(row.isInputLarge && { inputFollows: true }),
      history: entries,
      ...(next !== undefined && { next }),
      gracePeriodMs: row.gracePeriodMs ?? this.#parts.gracePeriodMs,
      childrenHeard: childrenOf(row).finished,
      isolate,
      ownProcess,
      cancel: noticeOf(row, this.#parts.stores.executions.now()),
    };
  }
}
