import { backoff, LongTimer } from '@flux/domain';
import type { Logger } from 'pino';
import type { Runner } from './runner.js';

/** The pauses between runners that fail one after the other. */
export const RESTARTS = { firstMs: 100, longestMs: 5000 };
/** Whoever was given a spare goes first: to load another one takes a processor for a while. */
const REFILL_MS = 100;

export interface SparesOptions {
  /** Runners that are kept, ≥ 0. */
  readonly size: number;
  readonly log: Logger;
  start(): Runner;
}

/** Runners that have loaded the workflows and run nothing yet: whoever is given one waits for no load. */
export class Spares {
  readonly #options: SparesOptions;
  readonly #runners = new Set<Runner>();
  #refill: LongTimer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** The one that is furthest with its load, which is a spare no more; `undefined`: there is none. */
  take(): Runner | undefined {
    const sound = [...this.#runners].filter(({ doomed }) => !doomed);
    const best = sound.find(({ isLoaded }) => isLoaded) ?? sound[0];
    if (!best) return undefined;
    this.#runners.delete(best);
    this.fill();
    return best;
  }

  /** Starts what is missing, one after the other. */
  fill(): void {
    if (this.#closed || this.#refill || this.#runners.size >= this.#options.size) return;
    const pause = this.#failures === 0 ? REFILL_MS : backoff(RESTARTS, this.#failures);
    this.#refill = new LongTimer(pause, () => {
      this.#refill = undefined;
      this.#add();
      this.fill();
    });
  }

  /** A runner has died. @returns whether it was a spare */
  died(runner: Runner): boolean {
    if (!this.#runners.delete(runner)) return false;
    if (!runner.killed) this.#failures += 1;
    this.fill();
    return true;
  }

  /** Kills all spares and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#refill?.clear();
    await Promise.all([...this.#runners].map((runner) => runner.kill(true)));
  }

  #add(): void {
    const runner = this.#options.start();
    this.#runners.add(runner);
    runner.loaded.then(
      () => (this.#failures = 0),
      (error: unknown) => this.#failed(runner, error),
    );
  }

  #failed(runner: Runner, error: unknown): void {
    if (!this.#runners.has(runner) || runner.killed) return;
    this.#options.log.error({ err: error }, 'a spare runner cannot load the workflows');
    this.#failures += 1;
    void runner.kill();
  }
}
