import { FluxError } from '@flux/domain';
import type { Logger } from 'pino';

/** Does something again and again, never twice at once; a failure is logged and the next turn tries anew. */
export class PeriodicTask {
  readonly #name: string;
  readonly #intervalMs: number;
  readonly #work: () => Promise<void>;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param intervalMs between the end of a turn and the start of the next */
  constructor(name: string, intervalMs: number, work: () => Promise<void>, logger: Logger) {
    this.#name = name;
    this.#intervalMs = intervalMs;
    this.#work = work;
    this.#logger = logger;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#turn().finally(() => this.start());
    }, this.#intervalMs);
  }

  /** Resolves when the turn under way has ended; there is no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #turn(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      const down = error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE';
      if (down) this.#logger.debug({ task: this.#name }, 'the database does not answer');
      else this.#logger.error({ err: error, task: this.#name }, 'a periodic task failed');
    }
  }
}
