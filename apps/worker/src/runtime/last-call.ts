import { lastCallMs } from '@flux/domain';
import { LongTimer } from './timer.js';

/** The moment from which a cancelled body waits for its children no longer. */
export class LastCall {
  readonly reached: Promise<void>;
  #reach: () => void = () => undefined;
  #timer: LongTimer | undefined;
  #waits = 0;
  #idle: Array<() => void> = [];

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
  }

  /** @param remainingMs until the cancel's deadline */
  arm(remainingMs: number): void {
    this.#timer ??= new LongTimer(lastCallMs(remainingMs), () => this.now());
  }

  /** Nothing waits any longer. */
  now(): void {
    this.#timer?.clear();
    this.#reach();
  }

  /** Settles as `ended` does, or resolves at the last call. */
  async wait(ended: Promise<unknown>): Promise<void> {
    this.#waits += 1;
    await Promise.race([ended, this.reached]);
    this.#waits -= 1;
    if (this.#waits === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Resolves when the body waits for no child; `undefined`: it does not. */
  get waiting(): Promise<void> | undefined {
    return this.#waits === 0 ? undefined : new Promise((resolve) => this.#idle.push(resolve));
  }
}
