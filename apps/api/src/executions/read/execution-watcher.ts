import { TERMINAL_EVENTS, type EventResource, type ExecutionResource } from '@flux/contracts';
import { FluxError, isTerminal } from '@flux/domain';
import type { ExecutionHub, ProgressListener, Watch } from '../../updates/execution-hub.js';
import { executionNotFound, normalizeId, toResource } from '../execution-resource.js';
import type { ExecutionRecord } from '../execution-row.js';
import type { ExecutionReader } from './execution-reader.js';

const EVENT_BATCH = 500;
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
      const record = await before(this.#reader.record(undefined, executionId), timeoutMs + LAST_READ_MS);
      if (!record) throw new FluxError('DATABASE_UNAVAILABLE', 'the database did not answer in time');
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

  async *follow(executionId: string, afterSeq: number, signal: AbortSignal): AsyncGenerator<EventResource[]> {
    const watch = this.#watch(executionId);
    try {
      const { id, state, lastEventSeq } = await this.#reader.record(undefined, executionId);
      // Somebody who has seen the end already waits for nothing.
      if (isTerminal(state) && afterSeq >= lastEventSeq) return;
      let seq = afterSeq;
      while (!signal.aborted && !this.#hub.closed) {
        const events = await this.#reader.events(id, seq, EVENT_BATCH);
        const last = events.at(-1);
        if (last) {
          seq = last.seq;
          yield events;
          if ((TERMINAL_EVENTS as readonly string[]).includes(last.type)) return;
        }
        if (events.length < EVENT_BATCH) await watch.next(seq, signal);
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
    const read = this.#reader.record(undefined, known.id);
    return timedOut ? ((await before(read, LAST_READ_MS)) ?? known) : read;
  }
}

/** What `promise` resolves with, or `undefined` after `milliseconds`. */
async function before<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const timeout = deadline(milliseconds);
  const late = new Promise<undefined>((resolve) => {
    timeout.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeout.clear();
    promise.catch(() => undefined);
  }
}

/** Aborts after `milliseconds` unless cleared; unlike AbortSignal.timeout it leaves no timer behind. */
function deadline(milliseconds: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
