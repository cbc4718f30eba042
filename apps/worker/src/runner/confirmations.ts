/**
 * Tells an execution that its events are safe: in their order and one a turn of the event loop, as a replay
 * hands them out, so that the body goes the same way both times.
 */
export class Confirmations {
  #waiting: Array<() => void> = [];
  #confirmed = 0;
  #telling = false;

  /** Resolves once the next event is safe. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The oldest `count` events that were not safe are so now. */
  confirm(count: number): void {
    this.#confirmed += count;
    if (!this.#telling) this.#tell();
  }

  #tell(): void {
    this.#telling = this.#confirmed > 0;
    if (!this.#telling) return;
    this.#confirmed -= 1;
    this.#waiting.shift()?.();
    setImmediate(() => this.#tell());
  }
}
