import type { ClaimGrant, WorkflowDefinition } from '@flux/contracts';
import { backoff } from '@flux/domain';
import type { Code } from '../wire/protocol.js';
import type { OpenCarrier } from './carriers/carrier.js';
import { openProcess } from './carriers/process-carrier.js';
import { openThread } from './carriers/thread-carrier.js';
import { Runner, type RunnerListener } from './runner.js';
import { RESTARTS, RunnerPool, type RunnerPoolOptions } from './runner-pool.js';

/** How each kind of carrier is started. */
export type Carriers = Readonly<Record<'thread' | 'process', OpenCarrier>>;

const CARRIERS: Carriers = { thread: openThread, process: openProcess };

export interface RunnersOptions extends Omit<RunnerPoolOptions, 'open'> {
  readonly carriers?: Carriers | undefined;
}

/** All runners of a worker: the shared ones, and those that belong to one execution. */
export class Runners {
  readonly #options: RunnersOptions;
  readonly #shared: RunnerPool;
  /** The runners that have one execution each, and end with it. */
  readonly #own = new Set<Runner>();
  readonly #ownListener: RunnerListener;
  #workflows: ReadonlyMap<string, WorkflowDefinition> = new Map();
  #ownFailures = 0;
  /** When own runners are tried again, on the clock of `performance.now()`. */
  #ownAgainAt = 0;

  constructor(options: RunnersOptions) {
    const { carriers = CARRIERS, listener } = options;
    this.#options = options;
    this.#shared = new RunnerPool({ ...options, open: carriers.thread });
    const onDeath: RunnerListener['onDeath'] = (runner, error) => {
      this.#own.delete(runner);
      listener.onDeath(runner, error);
    };
    this.#ownListener = { ...listener, onDeath };
  }

  /**
   * Starts the shared runners and resolves with the workflows they have.
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async load(): Promise<readonly WorkflowDefinition[]> {
    const workflows = await this.#shared.load();
    this.#workflows = new Map(workflows.map((each) => [each.workflowName, each]));
    return workflows;
  }

  /** The workflows that the runners have loaded. */
  get workflows(): WorkflowDefinition[] {
    return [...this.#workflows.values()];
  }

  /** The code that they run, once they have loaded it. */
  get code(): Code | undefined {
    return this.#shared.data.code;
  }

  /** The version of a workflow, as this worker has it. */
  versionOf(workflowName: string): string | null {
    return this.#workflows.get(workflowName)?.version ?? null;
  }

  /**
   * Whether an execution of that workflow would begin soon: not while all shared runners are being replaced, or are
   * blocked for `limitMs`, and not for a while where own runners cannot load.
   */
  isReadyFor(workflowName: string, limitMs: number): boolean {
    if (this.#kindOf(workflowName) === 'shared') return this.#shared.hasFree(limitMs);
    return performance.now() >= this.#ownAgainAt;
  }

  /**
   * The runner for an execution of that workflow; `undefined` while there is none.
   * @param apart whether it is kept away from others, or from this process, whatever its workflow says
   */
  pick(workflowName: string, apart: Pick<ClaimGrant, 'isolate' | 'ownProcess'>): Runner | undefined {
    const { isolate, ownProcess } = apart;
    const kind = this.#kindOf(workflowName);
    if (kind === 'shared' && !isolate) return this.#shared.pick();
    return this.#startOwn(kind === 'process' || ownProcess ? 'process' : 'thread');
  }

  *all(): Iterable<Runner> {
    yield* this.#shared.all();
    yield* this.#own;
  }

  /** Kills the runners that run something; others take the places of the shared ones. Resolves when they are dead. */
  async empty(): Promise<void> {
    await Promise.all(
      [...this.all()].filter(({ tenants }) => tenants.size > 0).map((runner) => runner.kill()),
    );
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    await Promise.all([this.#shared.close(), ...[...this.#own].map((runner) => runner.kill())]);
  }

  /** Starts a runner. Messages to the runner wait until it has loaded the workflows. */
  #startOwn(kind: keyof Carriers): Runner {
    const { carriers = CARRIERS } = this.#options;
    const { data } = this.#shared;
    const runner = new Runner({ kind, open: carriers[kind], data, listener: this.#ownListener });
    this.#own.add(runner);
    runner.loaded.then(
      () => (this.#ownFailures = 0),
      (error: unknown) => this.#ownFailed(runner, error),
    );
    return runner;
  }

  /** A runner that could not load runs nothing: its execution goes back, and the next one is not taken at once. */
  #ownFailed(runner: Runner, error: unknown): void {
    if (!runner.killed) {
      this.#options.log.error({ err: error, runner: runner.kind }, 'a runner cannot load the workflows');
      this.#ownAgainAt = performance.now() + backoff(RESTARTS, this.#ownFailures);
      this.#ownFailures += 1;
    }
    void runner.kill();
  }

  #kindOf(workflowName: string): WorkflowDefinition['runner'] {
    return this.#workflows.get(workflowName)?.runner ?? 'shared';
  }
}
