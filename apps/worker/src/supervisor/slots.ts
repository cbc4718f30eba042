/** The places for executions of this worker. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  /** @param onFree called whenever a place becomes free that nobody waited for */
  constructor(
    readonly capacity: number,
    private readonly onFree: () => void,
  ) {}

  get taken(): number {
    return this.#taken;
  }

  /** Takes a place if there is one. */
  tryTake(): boolean {
    if (this.#taken >= this.capacity) return false;
    this.#taken += 1;
    return true;
  }

  /** Takes a place, waiting `patienceMs` for one at most; says whether it got one. */
  async take(patienceMs: number): Promise<boolean> {
    if (this.tryTake()) return true;
    return new Promise((resolve) => {
      const settle = (got: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(accept);
        resolve(got);
      };
      const accept = (): void => settle(true);
      const timer = setTimeout(() => settle(false), patienceMs);
      this.#waiting.add(accept);
    });
  }

  /** Gives a place back, to whoever waits longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next) {
      next();
      return;
    }
    this.#taken -= 1;
    this.onFree();
  }
}
