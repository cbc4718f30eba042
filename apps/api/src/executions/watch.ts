import { endsExecution, type ExecutionResource } from '@flux/contracts';
import { FluxError, isTerminal, LongTimer } from '@flux/domain';
import { within } from '../flow/within.js';
import { normalizeId, type ExecutionRecord } from '../lifecycle/execution.js';
import type { ExecutionHub, ProgressListener, Watch } from '../updates/execution-hub.js';
import type { Following } from './execution-service.js';
import type { ExecutionReader } from './read.js';
import { executionNotFound, toResource, type ToldEvent } from './resource.js';

/** How much later than its timeout a wait may answer because the database is slow. */
const LAST_READ_MS = 150;

/** Waits for executions, and follows them live. */
export class ExecutionWatcher {
  readonly #reader: ExecutionReader;
  readonly #hub: ExecutionHub;

  constructor(reader: ExecutionReader, hub: ExecutionHub) {
    this.#reader = reader;
    this.#hub = hub;
  }

  async waitUntilTerminal(
    executionId: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ExecutionResource> {
    const watch = this.#watch(executionId);
    const timeout = deadline(timeoutMs);
    try {
      const record = await within(timeoutMs + LAST_READ_MS, this.#reader.record(executionId), () => {
        throw new FluxError('DATABASE_UNAVAILABLE', 'the database did not answer in time');
      });
      if (isTerminal(record.state)) return toResource(record);
      const ended = AbortSignal.any([signal, timeout.signal]);
      let seq = record.lastEventSeq;
      for (let update = await watch.next(seq, ended); update; update = await watch.next(seq, ended)) {
        if (isTerminal(update.state)) break;
        seq = update.seq;
      }
      return toResource(await this.#present(record, timeout.signal.aborted));
    } finally {
      timeout.clear();
      watch.close();
    }
  }

  async *follow({ executionId, afterSeq, signal, share }: Following): AsyncGenerator<ToldEvent[]> {
    const watch = this.#watch(executionId);
    try {
      const { id, state, lastEventSeq } = await this.#reader.row(undefined, executionId);
      // A follower that has seen the end already waits for nothing.
      if (isTerminal(state) && afterSeq >= lastEventSeq) return;
      let seq = afterSeq;
      while (!signal.aborted && !this.#hub.closed) {
        for await (const { events } of this.#reader.events(id, seq, share)) {
          const last = events.at(-1);
          if (!last) continue;
          seq = last.seq;
          yield events;
          if (endsExecution(last) || signal.aborted) return;
        }
        share.release();
        await watch.next(seq, signal);
      }
    } finally {
      watch.close();
    }
  }

  onProgress(executionId: string, listener: ProgressListener): () => void {
    return this.#hub.onProgress(normalizeId(executionId) ?? executionId, listener);
  }

  #watch(executionId: string): Watch {
    const id = normalizeId(executionId);
    if (id === undefined) throw executionNotFound(undefined, executionId);
    return this.#hub.watch(id);
  }

  /** The execution as it is; a database that is slow after the timeout keeps nobody waiting. */
  async #present(known: ExecutionRecord, timedOut: boolean): Promise<ExecutionRecord> {
    const read = this.#reader.record(known.id);
    return timedOut ? within(LAST_READ_MS, read, () => known) : read;
  }
}

/** Aborts after `milliseconds` unless cleared; unlike AbortSignal.timeout it leaves no timer behind. */
function deadline(milliseconds: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = new LongTimer(milliseconds, () => controller.abort());
  return { signal: controller.signal, clear: () => timer.clear() };
}
