/** How long the code of one turn of the event loop goes on before messages are heard. */
const TURN_MS = 10;
/** How many tasks begin in one turn: what they give at once is counted before the next of them begin. */
const MOST_BEGUN = 64;

/**
 * Lets a runner hear messages between the results of one execution: many that are there at once, and are large, would
 * otherwise be recorded in a single turn of the event loop, and neighbours and cancels would wait for all of them.
 */
export class Breather {
  /** When the present turn began, as far as is known. */
  #began: number | undefined;
  /** The tasks that began in the present turn. */
  #begun = 0;
  readonly #waiting: Array<() => void> = [];

  /** Resolves when the caller may go on, in the order of the calls; `undefined`: at once. */
  breathe(): Promise<void> | undefined {
    if (this.#began === undefined) {
      this.#began = performance.now();
      setImmediate(() => void this.#turn());
    }
    const isLong = performance.now() - this.#began > TURN_MS;
    return isLong || this.#waiting.length > 0 ? this.#wait() : undefined;
  }

  /** Resolves when one more of many tasks may begin, in the order of the calls; `undefined`: at once. */
  begin(): Promise<void> | undefined {
    const turn = this.breathe();
    if (turn) return turn;
    if (this.#begun === MOST_BEGUN) return this.#wait();
    this.#begun += 1;
    return undefined;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #turn(): Promise<void> {
    this.#began = performance.now();
    this.#begun = 0;
    let next = 0;
    for (; next < this.#waiting.length && performance.now() - this.#began <= TURN_MS; next += 1) {
      this.#waiting[next]?.();
      // The one that waited goes on before the next is let go on.
      await Promise.resolve();
    }
    this.#waiting.splice(0, next);
    if (this.#waiting.length > 0) setImmediate(() => void this.#turn());
    else this.#began = undefined;
  }
}
