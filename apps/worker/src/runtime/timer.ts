/** `setTimeout` takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

/** A timer of any length, on a clock of the process. */
export class LongTimer {
  readonly #endsAt: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    durationMs: number,
    private readonly onEnd: () => void,
  ) {
    this.#endsAt = performance.now() + durationMs;
    this.#arm();
  }

  /** Milliseconds left, ≥ 0. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #arm(): void {
    const left = this.remainingMs;
    this.#timer = setTimeout(left > LONGEST_MS ? () => this.#arm() : this.onEnd, Math.min(left, LONGEST_MS));
  }
}
