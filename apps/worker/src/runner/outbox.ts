/** Gathers messages and sends those of one turn of the event loop together. */
export class Outbox<T> {
  #messages: T[] = [];

  constructor(private readonly send: (messages: readonly T[]) => void) {}

  push(message: T): void {
    this.#messages.push(message);
    if (this.#messages.length === 1) setImmediate(() => this.flush());
  }

  /** Sends what there is now. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.send(messages);
  }
}
