const NOWHERE = 0;

/**
 * The executions whose code a runner is in, by handle, in memory that another thread of its process sees: the code may keep
 * the event loop for ever.
 */
export class Whereabouts {
  readonly buffer: SharedArrayBuffer;
  /** The one that was entered last, and the one whose input is being checked. */
  readonly #handles: Int32Array<SharedArrayBuffer>;

  /** @param buffer another thread's; new ones unless given */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(8);
    this.#handles = new Int32Array(this.buffer);
  }

  /** The execution whose code was entered last; 0: none. */
  get entered(): number {
    return Atomics.load(this.#handles, 0);
  }

  /** The execution whose schema looks at its input now; 0: none. */
  get checked(): number {
    return Atomics.load(this.#handles, 1);
  }

  enter(handle: number): void {
    Atomics.store(this.#handles, 0, handle);
  }

  /** Runs the part of a check that gives the event loop back to nobody. */
  check<T>(handle: number, check: () => T): T {
    Atomics.store(this.#handles, 1, handle);
    try {
      return check();
    } finally {
      Atomics.store(this.#handles, 1, NOWHERE);
    }
  }
}
