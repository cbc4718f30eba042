import type { WorkflowDefinition } from '@flux/contracts';
import { backoff, FluxError, LongTimer } from '@flux/domain';
import type { Logger } from 'pino';
import type { RunnerData } from '../wire/protocol.js';
import { Runner, type RunnerListener, type RunnerParts } from './runner.js';

/** The pauses between runners that fail one after the other. */
export const RESTARTS = { firstMs: 100, longestMs: 5000 };
/** A runner that lived this long did not die of its start. */
const SOUND_MS = 10_000;

export interface RunnerPoolOptions extends Omit<RunnerParts, 'kind'> {
  /** Runner threads, ≥ 1. */
  readonly size: number;
  readonly log: Logger;
  /** The listener of all runners; when it hears of a death, the successor is on its way. */
  readonly listener: RunnerListener;
}

/** A fixed number of runner threads; one that dies is replaced. */
export class RunnerPool {
  readonly #options: RunnerPoolOptions;
  readonly #runners = new Set<Runner>();
  readonly #restarts = new Set<LongTimer>();
  readonly #listener: RunnerListener;
  #data: RunnerData;
  #closed = false;
  #failures = 0;

  constructor(options: RunnerPoolOptions) {
    this.#options = options;
    this.#data = options.data;
    this.#listener = {
      ...options.listener,
      onDeath: (runner, error) => this.#died(runner, error),
    };
  }

  /**
   * Starts all runners and resolves with the workflows they have.
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async load(): Promise<readonly WorkflowDefinition[]> {
    const { size } = this.#options;
    const { workflows, code } = await this.#add().loaded;
    if (code) this.#data = { ...this.#data, code };
    await Promise.all(Array.from({ length: size - 1 }, () => this.#add().loaded));
    if (workflows.length > 0) return workflows;
    throw new FluxError('INVALID_WORKFLOWS', `no file in ${this.#data.directory} exports a workflow`, {
      hint: "Export what workflow() returns: export const hello = workflow('hello', async (ctx) => …).",
    });
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

  /** The data for all further runners: they load what the first one has read. */
  get data(): RunnerData {
    return this.#data;
  }

  all(): Iterable<Runner> {
    return this.#runners;
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#restarts) timer.clear();
    await Promise.all([...this.#runners].map((runner) => runner.kill()));
  }

  #add(): Runner {
    const { open, log } = this.#options;
    const runner = new Runner({ kind: 'shared', open, data: this.#data, listener: this.#listener });
    this.#runners.add(runner);
    const startedAt = performance.now();
    runner.loaded.then(
      () => log.debug({ ms: Math.round(performance.now() - startedAt) }, 'a runner is up'),
      (error: unknown) => {
        if (this.#closed) return;
        log.error({ err: error }, 'a runner cannot load the workflows');
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
    this.#options.listener.onDeath(runner, error);
    if (this.#closed) return;
    // A runner that dies again and again must not keep the machine busy with its successors.
    const pause = this.#failures <= 1 ? 0 : backoff(RESTARTS, this.#failures);
    const timer = new LongTimer(pause, () => {
      this.#restarts.delete(timer);
      this.#add();
    });
    this.#restarts.add(timer);
  }
}

function isBetter(one: Runner, other: Runner): boolean {
  return one.isBusy === other.isBusy ? one.tenants.size < other.tenants.size : other.isBusy;
}
