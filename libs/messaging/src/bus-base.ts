import type { ConnectionState } from './port.js';

/** What every bus does alike: it tells its listeners of changes of its state, and closes once. */
export abstract class BusBase {
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState;
  #closing: Promise<void> | undefined;

  constructor(initial: ConnectionState) {
    this.#state = initial;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onStateChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.end();
    return this.#closing;
  }

  protected get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Tells the listeners, of changes only. */
  protected become(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  /** Ends subscriptions, waits for handlers under way to settle, then closes the connection. */
  protected abstract end(): Promise<void>;
}
