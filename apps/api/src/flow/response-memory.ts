import { FluxError, LongTimer } from '@flux/domain';

/** The copies of a text between the database and the socket: what came, its string, the answer's, what is sent. */
const COPIES = 3;
const WAIT_MS = 5_000;

/** A part of the memory of all answers, which one answer has for what it reads next. */
export interface Share {
  /** Whether it waits as long as it takes: an answer that has begun cannot be refused any more. */
  patient: boolean;
  /**
   * Gives back what the share has, and resolves once it has enough for `bytes` of text. No share keeps memory while it
   * waits, so none waits for ever.
   * @throws FluxError `SERVER_BUSY` after five seconds, unless it is patient; the reason of the share's signal once that aborts
   */
  hold(bytes: number): Promise<void>;
  release(): void;
}

interface Wait {
  readonly bytes: number;
  readonly begin: () => void;
}

/** The memory that large answers take together, in the order in which they ask. */
export class ResponseMemory {
  readonly #total: number;
  #free: number;
  readonly #waits: Wait[] = [];

  /** @param bytes an answer that needs more than all of it gets all of it */
  constructor(bytes: number) {
    this.#total = Math.floor(bytes);
    this.#free = this.#total;
  }

  /**
   * The share of one answer, given back when its signal aborts.
   * @param signalOf makes the signal once memory is held: most answers are small and need none
   */
  share(signalOf: () => AbortSignal, patient = false): Share {
    let held = 0;
    let known: AbortSignal | undefined;
    const release = (): void => {
      this.#giveBack(held);
      held = 0;
    };
    const begin = (): AbortSignal => {
      const signal = signalOf();
      signal.addEventListener('abort', release, { once: true });
      return signal;
    };
    const share: Share = {
      patient,
      release,
      hold: async (bytes) => {
        release();
        const signal = (known ??= begin());
        signal.throwIfAborted();
        const wanted = this.#cost(bytes);
        if (!this.#take(wanted)) await this.#wait(wanted, signal, share.patient ? undefined : WAIT_MS);
        held = wanted;
        if (!signal.aborted) return;
        release();
        signal.throwIfAborted();
      },
    };
    return share;
  }

  /** Takes memory for `bytes` of text, if there is some at once; returns how to give it back. */
  tryHold(bytes: number): (() => void) | undefined {
    const wanted = this.#cost(bytes);
    return this.#take(wanted) ? () => this.#giveBack(wanted) : undefined;
  }

  #cost(bytes: number): number {
    return Math.min(bytes * COPIES, this.#total);
  }

  #take(bytes: number): boolean {
    if (this.#waits.length > 0 || bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  #giveBack(bytes: number): void {
    this.#free += bytes;
    for (let [next] = this.#waits; next && next.bytes <= this.#free; [next] = this.#waits) {
      this.#waits.shift();
      this.#free -= next.bytes;
      next.begin();
    }
  }

  #wait(bytes: number, signal: AbortSignal, waitMs: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer?.clear();
        signal.removeEventListener('abort', onAbort);
      };
      const giveUp = (reason: Error): void => {
        end();
        this.#waits.splice(this.#waits.indexOf(wait), 1);
        reject(reason);
        // The wait behind may need less.
        this.#giveBack(0);
      };
      const begin = (): void => {
        end();
        resolve();
      };
      const onAbort = (): void => giveUp(signal.reason as Error);
      const busy = new FluxError('SERVER_BUSY', 'large answers take all the memory that they may have');
      const timer = waitMs === undefined ? undefined : new LongTimer(waitMs, () => giveUp(busy));
      const wait: Wait = { bytes, begin };
      signal.addEventListener('abort', onAbort);
      this.#waits.push(wait);
    });
  }
}
