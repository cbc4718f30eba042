/** Lets work be done a few at a time. Where several owners have work that waits, their turns alternate. */
export class FairTurns {
  #free: number;
  /** The work that waits, by its owner; the first owner is the next. */
  readonly #waiting = new Map<unknown, Array<() => void>>();

  /** @param most at a time, ≥ 1 */
  constructor(most: number) {
    this.#free = most;
  }

  /** Settles as `work` does. */
  async run<T>(owner: unknown, work: () => Promise<T>): Promise<T> {
    await this.#turn(owner);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  async #turn(owner: unknown): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      const own = this.#waiting.get(owner);
      if (own) own.push(resolve);
      else this.#waiting.set(owner, [resolve]);
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (!first) {
      this.#free += 1;
      return;
    }
    const [owner, own] = first;
    this.#waiting.delete(owner);
    const go = own.shift();
    if (own.length > 0) this.#waiting.set(owner, own);
    go?.();
  }
}
