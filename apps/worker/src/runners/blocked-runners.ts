import type { BlockedRunner } from '@flux/contracts';
import type { Logger } from 'pino';
import type { Runner } from './runner.js';

const LOOK_EVERY_MS = 250;

export interface BlockedRunnersOptions {
  /** The milliseconds after which a busy runner is told of. */
  readonly afterMs: number;
  readonly log: Logger;
  runners(): Iterable<Runner>;
  /** Some runner is blocked now, or is not any more. */
  onChange(): void;
}

/** Watches for runners whose code does not give the event loop back, and tells whose code that is. */
export class BlockedRunners {
  readonly #options: BlockedRunnersOptions;
  readonly #blocked = new Set<Runner>();
  #interval: NodeJS.Timeout | undefined;

  constructor(options: BlockedRunnersOptions) {
    this.#options = options;
  }

  watch(): void {
    this.#interval = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#interval);
  }

  list(): BlockedRunner[] {
    return [...this.#blocked].map((runner) => ({ ...describe(runner), forMs: Math.round(runner.blockedMs) }));
  }

  #look(): void {
    const { afterMs, log } = this.#options;
    const runners = new Set(this.#options.runners());
    const before = this.#blocked.size;
    let found = false;
    for (const runner of this.#blocked) {
      if (runners.has(runner) && runner.blockedMs >= afterMs) continue;
      this.#blocked.delete(runner);
      log.info(describe(runner), 'a runner is not blocked any more');
    }
    for (const runner of runners) {
      runner.probe();
      if (runner.blockedMs < afterMs || this.#blocked.has(runner)) continue;
      this.#blocked.add(runner);
      found = true;
      log.warn(
        { ...describe(runner), ms: Math.round(runner.blockedMs) },
        'a runner is blocked: it hears no cancel',
      );
    }
    if (found || this.#blocked.size !== before) this.#options.onChange();
  }
}

function describe(runner: Runner): Omit<BlockedRunner, 'forMs'> {
  const { executionId = null, workflowName = null } = runner.entered ?? {};
  return { runner: runner.kind, executionId, workflowName };
}
