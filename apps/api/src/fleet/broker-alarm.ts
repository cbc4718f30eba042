import type { Bus } from '@flux/messaging';

/**
 * How long ago the broker had raised an alarm. It lets nobody's heartbeats and pings through then, so those that were
 * not heard count as alive until they had the time to be heard in again.
 */
export class BrokerAlarm {
  readonly #unsubscribe: () => void;
  #stands: boolean;
  /** The end of the latest alarm, on the clock of `performance.now()`. */
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(bus: Bus) {
    this.#stands = bus.state === 'blocked';
    this.#unsubscribe = bus.onStateChange((state) => {
      if (this.#stands) this.#endedAt = performance.now();
      this.#stands = state === 'blocked';
    });
  }

  /** Whether there has been none for that long, in milliseconds. */
  isOverFor(ms: number): boolean {
    return !this.#stands && performance.now() - this.#endedAt > ms;
  }

  stop(): void {
    this.#unsubscribe();
  }
}
