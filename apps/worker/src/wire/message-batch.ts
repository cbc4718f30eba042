/** Gathers messages and sends those of one turn of the event loop together. */
export class MessageBatch<T> {
  readonly #send: (messages: readonly T[], moved?: readonly ArrayBuffer[]) => void;
  #messages: T[] = [];

  constructor(send: (messages: readonly T[], moved?: readonly ArrayBuffer[]) => void) {
    this.#send = send;
  }

  push(message: T): void {
    this.#messages.push(message);
    if (this.#messages.length === 1) setImmediate(() => this.flush());
  }

  /**
   * Sends a message by itself, now: to receive many large ones together would hold the other side up.
   * @param moved what of it need not be copied where memory is shared
   */
  pushAlone(message: T, moved: readonly ArrayBuffer[] = []): void {
    this.flush();
    this.#send([message], moved);
  }

  /** Sends what there is now. */
  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#send(messages);
  }
}
