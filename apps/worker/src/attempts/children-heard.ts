/** The ends of children that an attempt has heard of, so that the api can tell the lost ones again. */
export class ChildrenHeard {
  readonly #beyond = new Set<number>();
  #upTo: number;

  /** @param upTo the first so many are in its history */
  constructor(upTo: number) {
    this.#upTo = upTo;
  }

  /** The number of ends heard of, counted up to the first gap. */
  get upTo(): number {
    return this.#upTo;
  }

  add(number: number): void {
    if (number > this.#upTo) this.#beyond.add(number);
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo += 1;
  }
}
