import type { RunnerData } from '../runner/protocol.js';
import type { OpenCarrier } from './carrier.js';
import { Runner, type RunnerKind, type RunnerListener } from './runner.js';

/** Runners that have one execution each, and end with it. */
export class OwnRunners {
  readonly #runners = new Set<Runner>();
  readonly #listener: RunnerListener;

  constructor(
    private readonly kind: RunnerKind,
    private readonly open: OpenCarrier,
    private readonly data: RunnerData,
    listener: RunnerListener,
  ) {
    this.#listener = {
      ...listener,
      onDeath: (runner, error) => {
        this.#runners.delete(runner);
        listener.onDeath(runner, error);
      },
    };
  }

  /** A new one. What it is sent before it has loaded the workflows waits for that. */
  take(): Runner {
    const runner = new Runner(this.kind, this.open, this.data, this.#listener);
    this.#runners.add(runner);
    // Then it runs nothing and says nothing: its execution goes back.
    runner.loaded.catch(() => void runner.kill());
    return runner;
  }

  all(): Iterable<Runner> {
    return this.#runners;
  }

  /** Kills all. Resolves when they are dead. */
  async close(): Promise<void> {
    await Promise.all([...this.#runners].map((runner) => runner.kill()));
  }
}
