/** How many events may wait to be safe before the next of many calls begins. */
const MOST_WAITING = 256;
/** The safe events that are kept at most: to shift a long array costs as much as it is long. */
const MOST_TOLD = 1_024;

/**
 * Tells an execution that its events are safe: in their order and one a turn of the event loop, as a replay
 * hands them out, so that the body goes the same way both times.
 */
export class Confirmations {
  #waiting: Array<() => void> = [];
  /** The position of the oldest that waits. */
  #oldest = 0;
  #confirmed = 0;
  #telling = false;
  #inNeedOfRoom: Array<() => void> = [];

  /** Resolves once the next event is safe. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves once few enough events wait to be safe; `undefined`: so it is. */
  room(): Promise<void> | undefined {
    if (this.#count < MOST_WAITING) return undefined;
    return new Promise((resolve) => this.#inNeedOfRoom.push(resolve));
  }

  /** The oldest `count` events that were not safe are so now. */
  confirm(count: number): void {
    this.#confirmed += count;
    if (!this.#telling) this.#tell();
  }

  get #count(): number {
    return this.#waiting.length - this.#oldest;
  }

  #tell(): void {
    this.#telling = this.#confirmed > 0;
    if (!this.#telling) return;
    this.#confirmed -= 1;
    this.#waiting[this.#oldest]?.();
    this.#oldest += 1;
    if (this.#oldest === Math.min(this.#waiting.length, MOST_TOLD)) {
      this.#waiting = this.#waiting.slice(this.#oldest);
      this.#oldest = 0;
    }
    if (this.#count < MOST_WAITING) for (const goOn of this.#inNeedOfRoom.splice(0)) goOn();
    setImmediate(() => this.#tell());
  }
}
