/** Gathers messages and sends those of one turn of the event loop together. */
export class MessageBatch<T> {
  readonly #send: (messages: readonly T[]) => void;
  #messages: T[] = [];

  constructor(send: (messages: readonly T[]) => void) {
    this.#send = send;
  }

  push(message: T): void {
    this.#messages.push(message);
    if (this.#messages.length === 1) setImmediate(() => this.flush());
  }

  /** Sends a message by itself, now: to receive many large ones together would hold the other side up. */
  pushAlone(message: T): void {
    this.flush();
    this.#send([message]);
  }

  /** Sends what there is now. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#send(messages);
  }
}
