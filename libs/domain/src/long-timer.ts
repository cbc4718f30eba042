/** The longest time that Node's timers know; a longer one is over at once there. */
const LONGEST_MS = 2 ** 31 - 1;

/** A timer of any length, on a clock of the process; an infinite one never ends. */
export class LongTimer {
  readonly #onEnd: () => void;
  readonly #durationMs: number;
  #endsAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #keepsProcess = true;

  constructor(durationMs: number, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#durationMs = durationMs;
    this.refresh();
  }

  /** Milliseconds left, ≥ 0. */
  get remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Begins anew. */
  refresh(): void {
    this.clear();
    this.#endsAt = performance.now() + this.#durationMs;
    this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Lets the process end before the timer does. */
  unref(): this {
    this.#keepsProcess = false;
    this.#timer?.unref();
    return this;
  }

  #arm(): void {
    const left = this.remainingMs;
    this.#timer = setTimeout(left > LONGEST_MS ? () => this.#arm() : this.#onEnd, Math.min(left, LONGEST_MS));
    if (!this.#keepsProcess) this.#timer.unref();
  }
}

/**
 * Resolves after a time of any length.
 * @throws an AbortError, as those of `timers/promises`, when `signal` aborts before
 */
export function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.clear();
      const error = new Error('The operation was aborted', { cause: signal?.reason });
      reject(Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' }));
    };
    const timer = new LongTimer(durationMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** A signal that aborts after a time of any length, and keeps no process alive. */
export function abortAfter(durationMs: number): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new DOMException('the time is up', 'TimeoutError'));
  new LongTimer(durationMs, abort).unref();
  return controller.signal;
}
