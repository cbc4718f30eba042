import type { ProgressUpdate, StateUpdate } from '@flux/contracts';

/** One watcher's view of one execution. */
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
  readonly wakes: Set<() => void>;
}

/** Tells whoever waits in this process that an execution has moved on. */
export class ExecutionHub {
  readonly #channels = new Map<string, Channel>();
  readonly #progress = new Map<string, Set<ProgressListener>>();
  readonly #closing = new AbortController();

  /** The executions somebody watches. */
  watched(): string[] {
    return [...this.#channels.keys()];
  }

  /** In any order, and as often as one likes: only a greater `seq` is news. */
  notify(updates: readonly StateUpdate[]): void {
    for (const update of updates) {
      const channel = this.#channels.get(update.executionId);
      if (!channel || update.seq <= (channel.latest?.seq ?? 0)) continue;
      channel.latest = update;
      for (const wake of [...channel.wakes]) wake();
    }
  }

  /** Watch first and read the execution afterwards: then no change between the two is missed. */
  watch(executionId: string): Watch {
    const channel = this.#channels.get(executionId) ?? { watches: 0, latest: undefined, wakes: new Set() };
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
    const listeners = this.#progress.get(executionId) ?? new Set();
    this.#progress.set(executionId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#progress.get(executionId) === listeners) {
        this.#progress.delete(executionId);
      }
    };
  }

  /** Live only: who does not listen now never hears of it. */
  tellProgress(update: ProgressUpdate): void {
    for (const listener of this.#progress.get(update.executionId) ?? []) listener(update);
  }

  /** Ends every wait, now and later. */
  close(): void {
    this.#closing.abort();
    for (const channel of this.#channels.values()) for (const wake of [...channel.wakes]) wake();
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #next(channel: Channel, afterSeq: number, signal: AbortSignal): Promise<StateUpdate | undefined> {
    while (!signal.aborted && !this.closed) {
      if (channel.latest && channel.latest.seq > afterSeq) return channel.latest;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          channel.wakes.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        channel.wakes.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
    return undefined;
  }
}
