import { setTimeout as wait } from 'node:timers/promises';
import { historyReply, type HistoryReply, type Topology } from '@flux/contracts';
import { BusUnavailableError, RequestTimeoutError, UnroutableError, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import type { HeldExecution } from './held-execution.js';

const REPLY_LIMIT_MS = 2000;
const PAUSE_MS = 200;

/** Fetches what a grant did not bring of a history. */
export class HistoryPages {
  constructor(
    private readonly bus: Bus,
    private readonly topology: Topology,
    private readonly workerId: string,
    private readonly log: Logger,
  ) {}

  /**
   * Asks for the pages after event `after` one by one, each until it has come or the attempt has ended here. Never
   * rejects.
   * @param onPage called in order, the last time with `more` false
   * @returns false when the attempt is not this worker's any more
   */
  async fetch(
    held: HeldExecution,
    after: number,
    onPage: (entries: HistoryReply['entries'], more: boolean) => void,
  ): Promise<boolean> {
    for (let next: number | undefined = after; next !== undefined;) {
      const page = await this.#page(held, next);
      if (!isRunning(held)) return true;
      if (!page?.owned) return false;
      next = page.next;
      onPage(page.entries, next !== undefined);
    }
    return true;
  }

  /** `undefined` once the attempt has ended. */
  async #page(held: HeldExecution, after: number): Promise<HistoryReply | undefined> {
    const { executionId, attempt } = held;
    const body = { workerId: this.workerId, executionId, attempt, after };
    while (isRunning(held)) {
      try {
        const options = { timeoutMs: REPLY_LIMIT_MS };
        return historyReply.parse(await this.bus.request(this.topology.requests, 'history', body, options));
      } catch (error) {
        const reason = isOutage(error) ? error.message : error;
        this.log.warn({ err: reason, executionId, attempt }, 'a page of a history has not come yet');
        await wait(PAUSE_MS);
      }
    }
    return undefined;
  }
}

function isRunning(held: HeldExecution): boolean {
  return held.phase === 'running' && !held.fenced;
}

/** Of which the message tells all. */
function isOutage(error: unknown): error is Error {
  return (
    error instanceof RequestTimeoutError ||
    error instanceof BusUnavailableError ||
    error instanceof UnroutableError
  );
}
