import { EventEmitter, once } from 'node:events';
import type { ProgressUpdate, StateUpdate } from '@flux/contracts';

/** A watcher's view of one execution. */
export interface Watch {
  /**
   * Resolves with the latest update once its `seq` is greater than `afterSeq`, at once if it is already; with
   * `undefined` when `signal` aborts or the hub closes.
   */
  next(afterSeq: number, signal: AbortSignal): Promise<StateUpdate | undefined>;
  close(): void;
}

export type ProgressListener = (update: ProgressUpdate) => void;

interface Channel {
  watches: number;
  latest: StateUpdate | undefined;
  readonly news: EventEmitter;
}

const NEWS = 'news';

function newChannel(): Channel {
  return { watches: 0, latest: undefined, news: new EventEmitter().setMaxListeners(0) };
}

/** Tells whoever waits in this process that an execution has moved on. */
export class ExecutionHub {
  readonly #channels = new Map<string, Channel>();
  /** Its events are named after executions. */
  readonly #progress = new EventEmitter<Record<string, [ProgressUpdate]>>().setMaxListeners(0);
  readonly #closing = new AbortController();

  /** The executions somebody watches. */
  watched(): string[] {
    return [...this.#channels.keys()];
  }

  /** Updates may come in any order and any number of times: only a greater `seq` is news. */
  notify(updates: readonly StateUpdate[]): void {
    for (const update of updates) {
      const channel = this.#channels.get(update.executionId);
      if (!channel || update.seq <= (channel.latest?.seq ?? 0)) continue;
      channel.latest = update;
      channel.news.emit(NEWS);
    }
  }

  /** Watch first and read the execution afterwards: then no change between the two is missed. */
  watch(executionId: string): Watch {
    const channel = this.#channels.get(executionId) ?? newChannel();
    this.#channels.set(executionId, channel);
    channel.watches += 1;
    let open = true;
    return {
      next: (afterSeq, signal) => this.#next(channel, afterSeq, signal),
      close: () => {
        if (!open) return;
        open = false;
        channel.watches -= 1;
        if (channel.watches === 0) this.#channels.delete(executionId);
      },
    };
  }

  /** Calls `listener` with what tasks of the execution tell of their progress. Returns how to end it. */
  onProgress(executionId: string, listener: ProgressListener): () => void {
    this.#progress.on(executionId, listener);
    return () => void this.#progress.off(executionId, listener);
  }

  /** Live only: who does not listen now never hears of it. */
  tellProgress(update: ProgressUpdate): void {
    this.#progress.emit(update.executionId, update);
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#closing.abort();
    for (const { news } of this.#channels.values()) news.emit(NEWS);
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #next(channel: Channel, afterSeq: number, signal: AbortSignal): Promise<StateUpdate | undefined> {
    while (!signal.aborted && !this.closed) {
      if (channel.latest && channel.latest.seq > afterSeq) return channel.latest;
      await once(channel.news, NEWS, { signal }).catch(() => undefined);
    }
    return undefined;
  }
}
