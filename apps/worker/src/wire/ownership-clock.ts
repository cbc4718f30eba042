const FAR_FUTURE = 2n ** 62n;
const OVER = 0n;

/**
 * The time until which the worker is sure to own its executions, in memory that other threads of the process see too:
 * a machine that was frozen wakes in all its processes at once, and the supervisor's word would come too late. Nanoseconds
 * of the machine's monotonic clock, which all processes share.
 */
export class OwnershipClock {
  readonly buffer: SharedArrayBuffer;
  readonly #until: BigInt64Array<SharedArrayBuffer>;

  /** @param buffer another thread's clock; a new one, on which time is never up, unless given */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(8);
    this.#until = new BigInt64Array(this.buffer);
    if (!buffer) this.set(Number.POSITIVE_INFINITY);
  }

  get isUp(): boolean {
    return process.hrtime.bigint() > this.until;
  }

  /** Whether the supervisor itself has found that time is up, and stops what runs. */
  get isOver(): boolean {
    return this.until === OVER;
  }

  get until(): bigint {
    return Atomics.load(this.#until, 0);
  }

  set until(nanoseconds: bigint) {
    Atomics.store(this.#until, 0, nanoseconds);
  }

  /** @param milliseconds from now; negative: time has been up for so long; `Infinity`: it never is */
  set(milliseconds: number): void {
    this.until =
      milliseconds === Number.POSITIVE_INFINITY
        ? FAR_FUTURE
        : process.hrtime.bigint() + BigInt(Math.round(milliseconds * 1e6));
  }

  /** Time is up, and the supervisor knows. */
  end(): void {
    this.until = OVER;
  }
}
