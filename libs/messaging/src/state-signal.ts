import type { ConnectionState } from './port.js';

/** A connection state with listeners; {@link StateSignal.set} tells them of changes only. */
export class StateSignal {
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState;

  constructor(initial: ConnectionState) {
    this.#state = initial;
  }

  get current(): ConnectionState {
    return this.#state;
  }

  set(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  /** @returns how to stop listening */
  listen(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
