/** How long a patient item waits for company; milliseconds. */
const PATIENCE_MS = 4;

export interface BatcherOptions {
  /** Most items handed to `process` at once. */
  readonly maxBatch: number;
  /** Batches under way at once; 1 keeps the order of items. */
  readonly flights: number;
  /** True for an error that says nothing about the items: it fails the batch as a whole. */
  readonly failsAll: (error: unknown) => boolean;
}

interface Entry<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects items that arrive while a batch is under way and processes them together. An item that finds nothing
 * under way goes at once, with what arrived in the same turn of the event loop. A patient one, for which nobody waits, goes
 * with the next that is not, or after a few milliseconds.
 */
export class Batcher<T, R> {
  readonly #process: (items: T[]) => Promise<readonly R[]>;
  readonly #options: BatcherOptions;
  #waiting: Entry<T, R>[] = [];
  #flights = 0;
  #scheduled = false;
  /** Whether some of what waits has waited for long enough. */
  #isDue = false;
  /** Runs out when the first patient item has waited for long enough. */
  #patience: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  /** @param process answers each item at its index, or throws having done nothing */
  constructor(process: (items: T[]) => Promise<readonly R[]>, options: BatcherOptions) {
    this.#process = process;
    this.#options = options;
  }

  /**
   * Resolves with the item's own result; rejects with its own error, or with one that failed its whole batch.
   * @param isPatient whether nobody waits for the result: items that come soon may go together then
   */
  run(item: T, isPatient = false): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (isPatient) this.#patience ??= setTimeout(() => this.#hurry(), PATIENCE_MS);
      else this.#hurry();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  async idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#flights === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #hurry(): void {
    this.#isDue = true;
    this.#schedule();
  }

  #schedule(): void {
    if (
      !this.#isDue ||
      this.#scheduled ||
      this.#flights >= this.#options.flights ||
      this.#waiting.length === 0
    )
      return;
    this.#scheduled = true;
    // The flight waits for the end of the poll phase: items that other sockets delivered in the same turn come along.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#fly();
    });
  }

  async #fly(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#options.maxBatch);
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#isDue = this.#waiting.length > 0;
    this.#flights += 1;
    this.#schedule();
    await this.#settle(batch);
    this.#flights -= 1;
    if (this.#waiting.length > 0) this.#schedule();
    else if (this.#flights === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  async #settle(batch: Entry<T, R>[]): Promise<void> {
    try {
      const results = await this.#process(batch.map((entry) => entry.item));
      batch.forEach((entry, index) => entry.resolve(results[index] as R));
    } catch (error) {
      if (batch.length === 1 || this.#options.failsAll(error)) {
        for (const entry of batch) entry.reject(error);
        return;
      }
      // A bad item must not fail its neighbours, nor make each of them go alone: halves go by themselves, still in order.
      const middle = Math.ceil(batch.length / 2);
      await this.#settle(batch.slice(0, middle));
      await this.#settle(batch.slice(middle));
    }
  }
}
