import type { WorkflowDefinition } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Logger } from 'pino';
import type { RunnerData } from '../runner/protocol.js';
import type { OpenCarrier } from './carrier.js';
import { Runner, type RunnerListener } from './runner.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** A runner that lived this long did not die of its start. */
const SOUND_MS = 10_000;

export interface RunnerPoolOptions {
  readonly open: OpenCarrier;
  readonly data: RunnerData;
  /** Runner threads, ≥ 1. */
  readonly size: number;
  readonly log: Logger;
  /** When it hears of a death, the successor is on its way. */
  readonly listener: RunnerListener;
}

/** A fixed number of runner threads; one that dies is replaced. */
export class RunnerPool {
  readonly #runners = new Set<Runner>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #listener: RunnerListener;
  #closed = false;
  #failures = 0;

  constructor(private readonly options: RunnerPoolOptions) {
    this.#listener = {
      ...options.listener,
      onDeath: (runner, error) => this.#died(runner, error),
    };
  }

  /**
   * Starts all runners and resolves with the workflows they have.
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async start(): Promise<readonly WorkflowDefinition[]> {
    const runners = Array.from({ length: this.options.size }, () => this.#add());
    const [workflows = []] = await Promise.all(runners.map((runner) => runner.loaded));
    if (workflows.length > 0) return workflows;
    throw new FluxError('INVALID_WORKFLOWS', `no file in ${this.options.data.directory} exports a workflow`, {
      hint: "Export what workflow() returns: export const hello = workflow('hello', async (ctx) => …).",
    });
  }

  /**
   * The runner with the least to do of those that can begin it at once, else of all; `undefined` while all are being
   * replaced.
   */
  pick(): Runner | undefined {
    let best: Runner | undefined;
    for (const runner of this.#runners) {
      if (!runner.doomed && (!best || isBetter(runner, best))) best = runner;
    }
    return best;
  }

  /** Whether there is one whose code has not kept it busy for `limitMs`. */
  hasFree(limitMs: number): boolean {
    return [...this.#runners].some((runner) => !runner.doomed && runner.blockedMs < limitMs);
  }

  all(): Iterable<Runner> {
    return this.#runners;
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all([...this.#runners].map((runner) => runner.kill()));
  }

  #add(): Runner {
    const runner = new Runner('shared', this.options.open, this.options.data, this.#listener);
    this.#runners.add(runner);
    const startedAt = performance.now();
    runner.loaded.then(
      () => this.options.log.debug({ ms: Math.round(performance.now() - startedAt) }, 'a runner is up'),
      (error: unknown) => {
        if (this.#closed) return;
        this.options.log.error({ err: error }, 'a runner cannot load the workflows');
        this.#failures += 1;
        void runner.kill();
      },
    );
    setTimeout(() => (this.#failures = 0), SOUND_MS).unref();
    return runner;
  }

  #died(runner: Runner, error: Error | undefined): void {
    this.#runners.delete(runner);
    if (!runner.killed) this.#failures += 1;
    this.options.listener.onDeath(runner, error);
    if (this.#closed) return;
    // A runner that dies again and again must not keep the machine busy with its successors.
    const pause = this.#failures <= 1 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#add();
    }, pause);
    this.#restarts.add(timer);
  }
}

function isBetter(one: Runner, other: Runner): boolean {
  return one.isBusy === other.isBusy ? one.held.size < other.held.size : other.isBusy;
}
