import type { ClaimGrant, WorkflowDefinition } from '@flux/contracts';
import { backoff, FluxError } from '@flux/domain';
import type { Code, Loaded, RunnerData } from '../wire/protocol.js';
import type { OpenCarrier } from './carriers/carrier.js';
import { openProcess } from './carriers/process-carrier.js';
import { Runner, type RunnerKind, type RunnerListener, type RunnerParts } from './runner.js';
import { RunnerPool, type RunnerPoolOptions } from './runner-pool.js';
import { RESTARTS, Spares } from './spares.js';

export interface RunnersOptions extends Omit<RunnerPoolOptions, 'take'>, Omit<RunnerParts, 'kind' | 'open'> {
  /** Runners that are kept beside those in use, ≥ 0. */
  readonly spares: number;
  /** Processes unless given. */
  readonly open?: OpenCarrier | undefined;
}

/** All runners of a worker: the shared ones, those that belong to one execution, and the spare ones. */
export class Runners {
  readonly #options: RunnersOptions;
  readonly #shared: RunnerPool;
  /** The runners that have one execution each, and end with it. */
  readonly #own = new Set<Runner>();
  readonly #spares: Spares;
  readonly #listener: RunnerListener;
  /** The data for the next runner: all but the first load what that one has read. */
  #data: RunnerData;
  #workflows: ReadonlyMap<string, WorkflowDefinition> = new Map();
  #ownFailures = 0;
  /** When own runners are tried again, on the clock of `performance.now()`. */
  #ownAgainAt = 0;

  constructor(options: RunnersOptions) {
    const { log, size, spares, listener } = options;
    this.#options = options;
    this.#data = options.data;
    this.#shared = new RunnerPool({ size, log, take: () => this.#take('shared') });
    this.#spares = new Spares({ size: spares, log, start: () => this.#start('shared') });
    this.#listener = { ...listener, onDeath: (runner, error) => this.#died(runner, error) };
  }

  /**
   * Starts the shared runners and resolves with the workflows they have.
   * @throws FluxError `INVALID_WORKFLOWS`
   */
  async load(): Promise<readonly WorkflowDefinition[]> {
    await this.#shared.load((loaded) => this.#loaded(loaded));
    const workflows = this.workflows;
    if (workflows.length === 0) {
      throw new FluxError('INVALID_WORKFLOWS', `no file in ${this.#data.directory} exports a workflow`, {
        hint: "Export what workflow() returns: export const hello = workflow('hello', async (ctx) => …).",
      });
    }
    this.#spares.fill();
    return workflows;
  }

  /** The workflows that the runners have loaded. */
  get workflows(): WorkflowDefinition[] {
    return [...this.#workflows.values()];
  }

  /** The code that they run, once they have loaded it. */
  get code(): Code | undefined {
    return this.#data.code;
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
   * @param apart whether it is kept away from others, whatever its workflow says
   */
  pick(workflowName: string, { isolate }: Pick<ClaimGrant, 'isolate'>): Runner | undefined {
    return this.#kindOf(workflowName) === 'shared' && !isolate ? this.#shared.pick() : this.#takeOwn();
  }

  /** Those that run something, or may. */
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

  /** Keeps no spares any more: nothing that would need one is to come. */
  drain(): void {
    void this.#spares.close();
  }

  /** Kills all runners and starts no more. Resolves when every one is dead. */
  async close(): Promise<void> {
    const own = [...this.#own].map((runner) => runner.kill());
    await Promise.all([this.#shared.close(), this.#spares.close(), ...own]);
  }

  #loaded({ workflows, code }: Loaded): void {
    if (code) this.#data = { ...this.#data, code };
    this.#workflows = new Map(workflows.map((each) => [each.workflowName, each]));
  }

  #take(kind: RunnerKind): Runner {
    const spare = this.#spares.take();
    spare?.become(kind);
    return spare ?? this.#start(kind);
  }

  /** Starts a runner. Messages to the runner wait until it has loaded the workflows. */
  #start(kind: RunnerKind): Runner {
    const { open = openProcess, clock } = this.#options;
    return new Runner({ kind, open, data: this.#data, clock, listener: this.#listener });
  }

  #takeOwn(): Runner {
    const runner = this.#take('process');
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

  #died(runner: Runner, error: Error | undefined): void {
    if (!this.#own.delete(runner) && !this.#spares.died(runner)) this.#shared.died(runner);
    this.#options.listener.onDeath(runner, error);
  }

  #kindOf(workflowName: string): RunnerKind {
    return this.#workflows.get(workflowName)?.runner ?? 'shared';
  }
}
