const LONGEST_QUIET_MS = 1000;

/** Finds the point at which a replay that is to be cancelled has come as far as its execution had come. */
export class RunToCancel {
  readonly #quietMs: number;
  readonly #reached: () => void;
  #activity = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param remainingMs until the deadline; a body that stops making calls has a quarter of it, 1 s at most
   * @param reached called once
   */
  constructor(remainingMs: number, reached: () => void) {
    this.#quietMs = Math.max(0, remainingMs / 4);
    this.#reached = reached;
    this.touch();
  }

  /** The body has made a call, or was given a result. */
  touch(): void {
    if (this.#closed) return;
    this.#activity += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), Math.min(LONGEST_QUIET_MS, this.#quietMs));
  }

  /** A call has no result: this is the point, once the other branches of the body have come to theirs. */
  arrive(): void {
    const seen = this.#activity;
    setImmediate(() => (seen === this.#activity ? this.#end() : this.arrive()));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #end(): void {
    if (this.#closed) return;
    this.close();
    this.#reached();
  }
}
