/**
 * Until when the worker is sure to own what it runs, where its runner threads see it too: a process that was frozen
 * wakes in all its threads at once, and the supervisor's word would come too late. Nanoseconds of the machine's
 * monotonic clock, which all threads share.
 */
export class OwnershipClock {
  readonly #until: BigInt64Array<SharedArrayBuffer>;

  /** @param buffer another thread's clock; a new one, on which time is never up, unless given */
  constructor(readonly buffer: SharedArrayBuffer = never()) {
    this.#until = new BigInt64Array(buffer);
  }

  get isUp(): boolean {
    return process.hrtime.bigint() > this.until;
  }

  get until(): bigint {
    return Atomics.load(this.#until, 0);
  }

  /** @param milliseconds from now; negative: time has been up for so long; `Infinity`: it never is */
  set(milliseconds: number): void {
    const until =
      milliseconds === Number.POSITIVE_INFINITY
        ? FAR_FUTURE
        : process.hrtime.bigint() + BigInt(Math.round(milliseconds * 1e6));
    Atomics.store(this.#until, 0, until);
  }
}

const FAR_FUTURE = 2n ** 62n;

function never(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(8);
  new BigInt64Array(buffer)[0] = FAR_FUTURE;
  return buffer;
}
