import { setTimeout as wait } from 'node:timers/promises';
import { historyReply, type HistoryReply, type Topology } from '@flux/contracts';
import { BusUnavailableError, RequestTimeoutError, UnroutableError, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import type { ApiClock } from './api-clock.js';
import type { HeldExecution } from './held-execution.js';
import type { Runner } from './runner.js';

const REPLY_LIMIT_MS = 2000;
const PAUSE_MS = 200;

/** Brings a runner what the grant of an execution did not: the rest of a long history. */
export class HistoryPages {
  constructor(
    private readonly bus: Bus,
    private readonly topology: Topology,
    private readonly workerId: string,
    private readonly clock: ApiClock,
    private readonly log: Logger,
  ) {}

  /**
   * Has an execution begin whose start said that more follows: once its history is there and the runner has loaded.
   * What it is told meanwhile waits in the runner, so a cancel that comes before its code begins nothing of it. Each
   * page is asked for until it has come or the attempt has ended here. Never rejects.
   * @param after the event that its history goes on after; `undefined`: it is complete
   * @returns false when the attempt is not this worker's any more
   */
  async complete(held: HeldExecution, runner: Runner, after: number | undefined): Promise<boolean> {
    const send = (entries: HistoryReply['entries'], more: boolean): void =>
      runner.send({ kind: 'history', handle: held.handle, entries: this.clock.toOurs(entries), more });
    for (let next = after; next !== undefined;) {
      const page = await this.#page(held, next);
      if (!isRunning(held)) return true;
      if (!page?.owned) return false;
      send(page.entries, true);
      next = page.next;
    }
    // One that cannot load is killed, and gives back what it holds.
    await runner.loaded.catch(() => undefined);
    send([], false);
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
