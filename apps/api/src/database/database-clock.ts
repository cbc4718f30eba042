import { aheadOf } from '@flux/domain';

/** Clocks drift by milliseconds in that time, and one that was set anew is wrong for no longer. */
const COMPARE_MS = 5_000;

/** The first answers of a busy database may be long on their way, and a clock is wrong by as much as the quickest. */
const FIRST_COMPARISONS = 5;

/**
 * The database's time, told by this machine's clock, which is compared with the database's again and again. The clocks
 * of replicas differ, and each acts on deadlines that another has written.
 */
export class DatabaseClock {
  readonly #ask: () => Promise<number>;
  /** How far the database is ahead of this machine. */
  #aheadMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #comparing: Promise<void> | undefined;
  #stopped = false;

  /** @param ask the database for its time, in milliseconds since 1970 */
  constructor(ask: () => Promise<number>) {
    this.#ask = ask;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  /** Compares a few times, and then every {@link COMPARE_MS} until {@link stop}. */
  async start(): Promise<void> {
    for (let times = 0; times < FIRST_COMPARISONS; times += 1) await this.#compare();
    this.#schedule();
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#comparing;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      // A database that is away is asked again at the next turn.
      this.#comparing = this.#compare()
        .catch(() => undefined)
        .finally(() => this.#schedule());
    }, COMPARE_MS);
  }

  async #compare(): Promise<void> {
    const before = Date.now();
    const told = Math.floor(await this.#ask());
    this.#aheadMs = aheadOf(this.#aheadMs, told, before, Date.now());
  }
}
