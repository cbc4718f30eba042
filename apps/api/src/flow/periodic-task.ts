import { FluxError, LongTimer } from '@flux/domain';
import type { Logger } from 'pino';

export interface PeriodicTaskParts {
  readonly name: string;
  readonly intervalMs: number;
  readonly work: () => Promise<void>;
  readonly logger: Logger;
}

/** Does something again and again, never twice at once; a failure is logged and the next turn tries anew. */
export class PeriodicTask {
  readonly #parts: PeriodicTaskParts;
  #timer: LongTimer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param intervalMs between the end of a turn and the start of the next */
  constructor(parts: PeriodicTaskParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = new LongTimer(this.#parts.intervalMs, () => {
      this.#running = this.#turn().finally(() => this.start());
    });
  }

  /** Resolves when the turn under way has ended; there is no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.clear();
    await this.#running;
  }

  async #turn(): Promise<void> {
    try {
      await this.#parts.work();
    } catch (error) {
      const down = error instanceof FluxError && error.code === 'DATABASE_UNAVAILABLE';
      if (down) this.#parts.logger.debug({ task: this.#parts.name }, 'the database does not answer');
      else this.#parts.logger.error({ err: error, task: this.#parts.name }, 'a periodic task failed');
    }
  }
}
