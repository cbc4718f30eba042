import { backoff } from '@flux/domain';

const GROWTH = { firstMs: 50, longestMs: 2_000 };

/** A wait that grows from about 50 ms to at most 2 s; the jitter keeps a fleet from coming back as one. */
export class Backoff {
  #attempts = 0;

  reset(): void {
    this.#attempts = 0;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const ceiling = backoff(GROWTH, this.#attempts);
    this.#attempts += 1;
    return ceiling * (0.5 + Math.random() / 2);
  }
}
