/** Counts what is under way, and lets it be no more than so many at once. */
export class Lanes {
  readonly #most: number;
  #count = 0;
  #wake: () => void = () => undefined;

  /** @param most ≥ 1 */
  constructor(most: number) {
    this.#most = Math.floor(most);
  }

  /** Resolves once another may begin, for the one that asks; `undefined`: at once. */
  free(): Promise<void> | undefined {
    return this.#count < this.#most ? undefined : this.#change();
  }

  /** @param work never rejects */
  run(work: Promise<void>): void {
    this.#count += 1;
    void work.then(() => {
      this.#count -= 1;
      this.#wake();
    });
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    while (this.#count > 0) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
