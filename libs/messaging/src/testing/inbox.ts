import type { Delivery, Handler, Outcome } from '../port.js';

/** Collects deliveries for a test to await. */
export class Inbox {
  readonly #deliveries: Delivery[] = [];
  readonly #blocked: Array<(outcome: Outcome) => void> = [];
  #wake: (() => void) | undefined;
  #taken = 0;

  /** How many have arrived, taken or not. */
  get size(): number {
    return this.#deliveries.length;
  }

  /** A handler that settles at once. */
  handler(outcome: Outcome): Handler {
    return async (delivery) => {
      this.#add(delivery);
      return outcome;
    };
  }

  /** A handler that settles at {@link Inbox.release}. */
  blocker(): Handler {
    return (delivery) => {
      this.#add(delivery);
      return new Promise((resolve) => this.#blocked.push(resolve));
    };
  }

  /** Settles what a blocker holds. */
  release(outcome: Outcome): void {
    for (const resolve of this.#blocked.splice(0)) resolve(outcome);
  }

  /** Resolves with the next `count` deliveries once they are there. */
  async take(count: number): Promise<Delivery[]> {
    while (this.#deliveries.length < this.#taken + count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#taken += count;
    return this.#deliveries.slice(this.#taken - count, this.#taken);
  }

  #add(delivery: Delivery): void {
    this.#deliveries.push(delivery);
    this.#wake?.();
  }
}
