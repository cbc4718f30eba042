/** Knows what user code is under way, and when none is. */
export class InFlight {
  readonly #outer: InFlight | undefined;
  #count = 0;
  #waiting: Array<() => void> = [];

  /** @param outer counts all of it too */
  constructor(outer?: InFlight) {
    this.#outer = outer;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts `fn` until what it returns has settled. */
  async track<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    this.#enter();
    try {
      return await fn();
    } finally {
      this.#leave();
    }
  }

  /** Resolves as soon as nothing is under way, at once if that is so already. */
  async idle(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #enter(): void {
    this.#count += 1;
    if (this.#outer) this.#outer.#enter();
  }

  #leave(): void {
    this.#count -= 1;
    if (this.#count === 0) for (const wake of this.#waiting.splice(0)) wake();
    if (this.#outer) this.#outer.#leave();
  }
}
