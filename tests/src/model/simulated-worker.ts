import type { WorkflowDefinition } from '@flux/contracts';
import { OWNERSHIP_STOP_MS } from '@flux/domain';
import type { AnyWorkflow } from '@flux/sdk';
import {
  Handlers,
  Programs,
  runQueuesOf,
  Supervisor,
  type OpenCarrier,
  type RunQueue,
} from '@flux/worker/testing';
import { errorLog } from './log.js';
import { handlersOf } from './pattern-handlers.js';
import type { Servers } from './simulated-api.js';
import { SimulatedBus } from './simulated-bus.js';
import { SimulatedRunner } from './simulated-runner.js';
import type { World } from './world.js';

const CONCURRENCY = 4;
/** Steps of the world on the way to a runner's death. */
const SLOWEST_KILL_MS = 200;
const DRAIN_MS = 200;
const BLOCKED_AFTER_MS = 5_000;
/** The error of a runner that dies because a program wants it. */
export const OUT_OF_MEMORY = 'out of memory';
const MOST_BYTES = 1024 * 1024;

/** A worker process: the real supervisor with its runners, each of which is a process of its own here. */
export class SimulatedWorker {
  readonly bus: SimulatedBus;
  readonly #loop;
  readonly #signals;
  readonly #runners = new Set<SimulatedRunner>();
  readonly #supervisor: Supervisor;
  #closing = false;
  #wokeAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly world: World,
    private readonly servers: Servers,
    readonly workerId: string,
    private readonly workflow: AnyWorkflow,
  ) {
    this.#loop = world.loop(workerId);
    this.#signals = world.lane(this.#loop);
    this.bus = new SimulatedBus(world, servers.broker, this.#loop);
    this.#supervisor = this.#createSupervisor();
    this.#signals.post(() => void this.#start().catch((error: unknown) => this.#gaveUp(error)));
  }

  /** Whether the worker was frozen until a moment ago, and has had no time to stop the executions that run on. */
  get hasJustWoken(): boolean {
    return this.world.now <= this.#wokeAt + OWNERSHIP_STOP_MS + SLOWEST_KILL_MS;
  }

  get isAlive(): boolean {
    return !this.#loop.dead;
  }

  /** SIGKILL. */
  kill(): void {
    for (const { loop } of this.#runners) this.world.kill(loop);
    this.world.kill(this.#loop);
    this.bus.breakOff();
  }

  /** SIGSTOP and SIGCONT. Says whether that changes anything. */
  freeze(frozen: boolean): boolean {
    if (!this.isAlive || this.#loop.frozen === frozen) return false;
    for (const loop of [this.#loop, ...[...this.#runners].map((runner) => runner.loop)]) loop.frozen = frozen;
    if (!frozen) this.#wokeAt = this.world.now;
    return true;
  }

  /** SIGTERM. @param onEnd called when it has ended because of that */
  close(onEnd: () => void): boolean {
    if (!this.isAlive || this.#closing) return false;
    this.#closing = true;
    const end = (): void => {
      this.kill();
      onEnd();
    };
    this.#signals.post(() => void this.#supervisor.close().then(end));
    return true;
  }

  /** A runner dies by itself. */
  breakRunner(): boolean {
    const runner = [...this.#runners].find(({ loop }) => !loop.dead);
    runner?.die(new Error(OUT_OF_MEMORY));
    return runner !== undefined;
  }

  #createSupervisor(): Supervisor {
    const { topology, errors } = this.servers;
    const definition: WorkflowDefinition = {
      workflowName: this.workflow.name,
      version: this.workflow.version,
      inputSchema: null,
      gracePeriodMs: this.workflow.gracePeriodMs,
      timeoutMs: this.workflow.timeoutMs,
      runner: this.workflow.runner,
    };
    const open: OpenCarrier = (parts) => {
      const runner = new SimulatedRunner(this.world, this.#loop, parts.listener);
      this.#runners.add(runner);
      runner.begin(parts, this.workflow, definition);
      return runner;
    };
    const log = errorLog(errors);
    return new Supervisor({
      bus: this.bus,
      topology,
      workerId: this.workerId,
      name: this.workerId.split('@')[0] ?? '',
      directory: '',
      concurrency: CONCURRENCY,
      runners: 1,
      spares: 0,
      maxPayloadBytes: MOST_BYTES,
      drainMs: DRAIN_MS,
      embedded: false,
      blockedAfterMs: BLOCKED_AFTER_MS,
      inputCheckMs: 1_000,
      programs: new Programs({ workerId: this.workerId, log, isSupported: false }),
      open,
      log,
    });
  }

  /** A start that is broken off by a signal ends the process. */
  #gaveUp(error: unknown): void {
    if (!this.#closing) this.servers.errors.push(`a worker did not start: ${String(error)}`);
    this.kill();
  }

  /** Starts the worker as `startWorker` does. */
  async #start(): Promise<void> {
    const { topology } = this.servers;
    const handle = handlersOf([new Handlers(this.#supervisor)]);
    const definitions = await this.#supervisor.load();
    await this.bus.subscribe(topology.control(this.workerId), handle, { prefetch: 1000 });
    await this.#supervisor.join();
    const consume = async ({ workflowName, queue }: RunQueue): Promise<void> => {
      const subscription = await this.bus.subscribe(queue, handle, { prefetch: CONCURRENCY });
      this.#supervisor.addRunQueue(workflowName, subscription);
    };
    await Promise.all(runQueuesOf(topology, definitions).map(consume));
  }
}
