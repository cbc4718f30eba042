import type { WorkflowDefinition } from '@flux/contracts';
import type { Logger } from 'pino';
import type { RunnerData } from '../runner/protocol.js';
import type { OpenCarrier } from './carrier.js';
import { OwnRunners } from './own-runners.js';
import { openProcess } from './process-carrier.js';
import type { Runner, RunnerListener } from './runner.js';
import { RunnerPool } from './runner-pool.js';
import { openThread } from './thread-carrier.js';

/** How each kind of carrier is started. */
export interface Carriers {
  readonly thread: OpenCarrier;
  readonly process: OpenCarrier;
}

const CARRIERS: Carriers = { thread: openThread, process: openProcess };

export interface RunnersOptions {
  readonly carriers?: Carriers;
  readonly data: RunnerData;
  /** Shared runners, ≥ 1. */
  readonly size: number;
  readonly log: Logger;
  readonly listener: RunnerListener;
}

/** All runners of a worker: the shared ones, and those that belong to one execution. */
export class Runners {
  readonly #shared: RunnerPool;
  readonly #own: Readonly<Record<'thread' | 'process', OwnRunners>>;
  #kinds: ReadonlyMap<string, WorkflowDefinition['runner']> = new Map();

  constructor({ carriers = CARRIERS, data, size, log, listener }: RunnersOptions) {
    this.#shared = new RunnerPool({ open: carriers.thread, data, size, log, listener });
    this.#own = {
      thread: new OwnRunners('thread', carriers.thread, data, listener),
      process: new OwnRunners('process', carriers.process, data, listener),
    };
  }

  /**
   * Starts the shared runners and resolves with the workflows they have.
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async start(): Promise<readonly WorkflowDefinition[]> {
    const workflows = await this.#shared.start();
    this.#kinds = new Map(workflows.map(({ workflowName, runner }) => [workflowName, runner]));
    return workflows;
  }

  /**
   * Whether an execution of that workflow would begin soon: not while all shared runners are being replaced, or are
   * blocked for `limitMs`.
   */
  isReadyFor(workflowName: string, limitMs: number): boolean {
    return this.#kindOf(workflowName) !== 'shared' || this.#shared.hasFree(limitMs);
  }

  /**
   * The runner for an execution of that workflow; `undefined` while there is none.
   * @param isolate keeps it away from others, whatever its workflow says
   */
  pick(workflowName: string, isolate: boolean): Runner | undefined {
    const kind = this.#kindOf(workflowName);
    if (kind === 'process') return this.#own.process.take();
    return kind === 'thread' || isolate ? this.#own.thread.take() : this.#shared.pick();
  }

  *all(): Iterable<Runner> {
    yield* this.#shared.all();
    yield* this.#own.thread.all();
    yield* this.#own.process.all();
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    await Promise.all([this.#shared.close(), this.#own.thread.close(), this.#own.process.close()]);
  }

  #kindOf(workflowName: string): WorkflowDefinition['runner'] {
    return this.#kinds.get(workflowName) ?? 'shared';
  }
}
