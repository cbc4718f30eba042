import { lastCallMs, LongTimer } from '@flux/domain';
import { InFlight } from '../../flow/in-flight.js';

/** The moment from which a cancelled body waits for its children no longer. */
export class LastCall {
  readonly reached: Promise<void>;
  readonly #waits = new InFlight();
  #reach: () => void = () => undefined;
  #timer: LongTimer | undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
  }

  /**
   * @param remainingMs until the cancel's deadline
   * @param spareMs what it has to spare of that in its tree
   */
  arm(remainingMs: number, spareMs: number | undefined): void {
    this.#timer ??= new LongTimer(lastCallMs(remainingMs, spareMs), () => this.now());
  }

  /** Nothing waits any longer. */
  now(): void {
    this.#timer?.clear();
    this.#reach();
  }

  /** Settles as `ended` does, or resolves at the last call. */
  async wait(ended: Promise<unknown>): Promise<void> {
    await this.#waits.track(() => Promise.race([ended, this.reached]));
  }

  /** Resolves when the body waits for no child; `undefined`: it does not. */
  get waiting(): Promise<void> | undefined {
    return this.#waits.count === 0 ? undefined : this.#waits.idle();
  }
}
