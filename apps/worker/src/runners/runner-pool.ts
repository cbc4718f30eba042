import { backoff, LongTimer } from '@flux/domain';
import type { Logger } from 'pino';
import type { Loaded } from '../wire/protocol.js';
import type { Runner } from './runner.js';
import { RESTARTS } from './spares.js';

/** A runner that lived this long did not die of its start. */
const SOUND_MS = 10_000;

export interface RunnerPoolOptions {
  /** Shared runners, ≥ 1. */
  readonly size: number;
  readonly log: Logger;
  /** Gives a runner that is started or starts. */
  take(): Runner;
}

/** A fixed number of shared runners; one that dies is replaced. */
export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #runners = new Set<Runner>();
  readonly #restarts = new Set<LongTimer>();
  #closed = false;
  #failures = 0;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
  }

  /**
   * Starts the first runner, and the others once that has loaded: what it runs meanwhile need not wait for them.
   * @param onFirst told what the first one has loaded, before the others start
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async load(onFirst: (loaded: Loaded) => void): Promise<void> {
    onFirst(await this.#add().loaded);
    for (let more = this.#options.size - 1; more > 0 && !this.#closed; more -= 1) this.#add();
  }

  /**
   * The runner with the least to do of those that can begin an execution at once, else of all. `undefined` while all
   * are being replaced.
   */
  pick(): Runner | undefined {
    let best: Runner | undefined;
    for (const runner of this.#runners) {
      if (!runner.doomed && (!best || isBetter(runner, best))) best = runner;
    }
    return best;
  }

  /** Whether there is a runner whose code has not kept it busy for `limitMs`. */
  hasFree(limitMs: number): boolean {
    return [...this.#runners].some((runner) => !runner.doomed && runner.blockedMs < limitMs);
  }

  all(): Iterable<Runner> {
    return this.#runners;
  }

  /** A runner has died. A successor is on its way, or here. @returns whether it was one of these */
  died(runner: Runner): boolean {
    if (!this.#runners.delete(runner)) return false;
    if (!runner.killed) this.#failures += 1;
    if (!this.#closed) this.#replace();
    return true;
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#restarts) timer.clear();
    await Promise.all([...this.#runners].map((runner) => runner.kill()));
  }

  /** A runner that dies again and again must not keep the machine busy with its successors. */
  #replace(): void {
    if (this.#failures <= 1) return void this.#add();
    const timer = new LongTimer(backoff(RESTARTS, this.#failures), () => {
      this.#restarts.delete(timer);
      this.#add();
    });
    this.#restarts.add(timer);
  }

  #add(): Runner {
    const { log } = this.#options;
    const runner = this.#options.take();
    this.#runners.add(runner);
    const startedAt = performance.now();
    runner.loaded.then(
      () => log.debug({ ms: Math.round(performance.now() - startedAt) }, 'a runner is up'),
      (error: unknown) => {
        if (this.#closed || runner.killed) return;
        log.error({ err: error }, 'a runner cannot load the workflows');
        this.#failures += 1;
        void runner.kill();
      },
    );
    setTimeout(() => (this.#failures = 0), SOUND_MS).unref();
    return runner;
  }
}

function isBetter(one: Runner, other: Runner): boolean {
  return one.isBusy === other.isBusy ? one.tenants.size < other.tenants.size : other.isBusy;
}
