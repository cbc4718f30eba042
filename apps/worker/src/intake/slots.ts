import { LongTimer } from '@flux/domain';

interface Waiting {
  readonly cleanup: boolean;
  readonly settle: (got: boolean) => void;
}

/**
 * The places for executions of this worker. There are as many again for cleanup, which would else wait for places that
 * those hold who wait for it. For the same reason an execution lends its place while it only waits for children.
 */
export class Slots {
  readonly #capacity: number;
  readonly #onFree: () => void;
  readonly #waiting = new Set<Waiting>();
  #taken = 0;
  #lent = 0;

  /** @param onFree called whenever a place has become free that nobody waited for */
  constructor(capacity: number, onFree: () => void) {
    this.#capacity = capacity;
    this.#onFree = onFree;
  }

  /** How many executions are here, those that lend their places among them. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a place if there is one. @param cleanup one of those that are kept for cleanup will do */
  tryTake(cleanup = false): boolean {
    if (!this.#hasPlace(cleanup)) return false;
    this.#taken += 1;
    return true;
  }

  /** Takes a place, waiting `patienceMs` for one at most; says whether it got one. */
  async take(patienceMs: number, cleanup = false): Promise<boolean> {
    if (this.tryTake(cleanup)) return true;
    return new Promise((resolve) => {
      const settle = (got: boolean): void => {
        timer.clear();
        this.#waiting.delete(waiting);
        resolve(got);
      };
      const waiting = { cleanup, settle };
      const timer = new LongTimer(patienceMs, () => settle(false));
      this.#waiting.add(waiting);
    });
  }

  /** An execution lends its place, or goes on: it does not wait then, though its place may be taken. */
  lend(isLent: boolean): void {
    this.#lent += isLent ? 1 : -1;
    if (isLent) this.#serve();
  }

  /** Gives a place back, to whoever waits longest, cleanup first. */
  release(isLent = false): void {
    this.#taken -= 1;
    if (isLent) this.#lent -= 1;
    this.#serve();
  }

  /** What waits is in memory all the same, so that not everybody's place can be lent. */
  #hasPlace(cleanup: boolean): boolean {
    const busy = this.#taken - this.#lent;
    return cleanup ? busy < 2 * this.#capacity : busy < this.#capacity && this.#taken < 2 * this.#capacity;
  }

  #serve(): void {
    const first = [...this.#waiting].sort((a, b) => Number(b.cleanup) - Number(a.cleanup));
    for (const { cleanup, settle } of first) if (this.tryTake(cleanup)) settle(true);
    if (this.#hasPlace(false)) this.#onFree();
  }
}
