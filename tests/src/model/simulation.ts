import type { EventResource, ExecutionResource } from '@flux/contracts';
import { createTopology } from '@flux/contracts';
import { FluxError, isTerminal, type ExecutionState } from '@flux/domain';
import { MemoryTables, type Core } from '@flux/api/testing';
import { Broker } from './broker.js';
import { scriptedWorkflow, type Script } from './scripted-workflow.js';
import { DatabaseServer } from './simulated-database.js';
import { GRACE_MS, LEASE_MS, SimulatedApi, type Servers } from './simulated-api.js';
import { SimulatedWorker } from './simulated-worker.js';
import { Truth } from './truth.js';
import type { Choose, World } from './world.js';

/** What a caller of a cancel was told. */
export interface Answer {
  readonly executionId: string;
  /** `undefined`: that there is no such execution. */
  readonly state: ExecutionState | undefined;
  readonly accepted: boolean;
  readonly at: number;
}

export interface Outcome {
  readonly faults: readonly string[];
  readonly executions: readonly ExecutionResource[];
}

const WORKERS = 2;
/** Without a cancel everything comes to its end, or to a pause, within this once nothing is broken any more. */
const SETTLE_MS = 60_000;
/** From a cancel to its end, whatever had died: what DESIGN promises. */
const CANCEL_BOUND_MS = GRACE_MS + LEASE_MS + 5_000;

const oldestFirst: Choose = () => 0;

/** Api, broker, database and two workers in one process, on one clock, step by step. */
export class Simulation {
  readonly truth: Truth;
  readonly #servers: Servers;
  readonly #executions = new Map<number, string>();
  readonly #answers: Answer[] = [];
  #api: SimulatedApi;
  readonly #workers: SimulatedWorker[];
  #incarnations = 0;

  constructor(private readonly world: World) {
    const tables = new MemoryTables();
    this.truth = new Truth(world, tables);
    this.#servers = {
      broker: new Broker(world),
      database: new DatabaseServer(tables, () => this.truth.look()),
      topology: createTopology('model'),
      errors: [],
    };
    this.#api = this.#newApi();
    this.#workers = Array.from({ length: WORKERS }, (_, index) => this.#newWorker(index));
  }

  /** Everything is up, and the workers are known. */
  async begin(): Promise<void> {
    await this.elapse(3_500);
  }

  start(slot: number, script: Script): void {
    if (this.#executions.has(slot)) return;
    const executionId = `01926a3e-0000-7000-8000-00000000000${slot}`;
    this.#executions.set(slot, executionId);
    const command = { workflowName: 'model', executionId, input: script, labels: {}, requestedBy: 'model' };
    const rest = { idempotencyKey: undefined, timeoutMs: undefined };
    this.#ask((core) => core.executions.start({ ...command, ...rest }));
  }

  cancel(slot: number, force: boolean): void {
    const executionId = this.#executions.get(slot);
    if (executionId === undefined) return;
    const command = { workflowName: 'model', executionId, requestedBy: 'model', reason: null, force };
    this.#api.call(
      (core) => core.executions.cancel({ ...command, gracePeriodMs: undefined }),
      (answer) => this.#note(executionId, answer),
    );
  }

  pause(slot: number): void {
    const executionId = this.#executions.get(slot);
    if (executionId === undefined) return;
    const command = { workflowName: 'model', executionId, requestedBy: 'model', reason: null };
    this.#ask((core) => core.executions.pause(command));
  }

  resume(slot: number): void {
    const executionId = this.#executions.get(slot);
    if (executionId === undefined) return;
    const command = { workflowName: 'model', executionId, requestedBy: 'model', input: null };
    this.#ask((core) => core.executions.resume(command));
  }

  killApi(): void {
    this.#api.kill();
  }

  startApi(): void {
    if (!this.#api.isAlive) this.#api = this.#newApi();
  }

  killWorker(index: number): void {
    this.#workers[index]?.kill();
  }

  startWorker(index: number): void {
    if (!this.#workers[index]?.isAlive) this.#workers[index] = this.#newWorker(index);
  }

  closeWorker(index: number): void {
    this.#workers[index]?.close();
  }

  breakRunner(index: number): void {
    this.#workers[index]?.breakRunner();
  }

  freeze(index: number, frozen: boolean): void {
    this.#workers[index]?.freeze(frozen);
  }

  /** The connection of a worker, or of the api at `WORKERS`, is reset. */
  resetLink(index: number): void {
    const { bus } = this.#workers[index] ?? this.#api;
    bus.breakOff();
    bus.notice();
  }

  /** Nothing goes through any more; the broker and the process each find out in their own time. */
  cutLink(index: number, brokerMs: number, processMs: number): void {
    const { bus } = this.#workers[index] ?? this.#api;
    bus.stalled = true;
    this.#after(brokerMs, () => bus.breakOff());
    this.#after(processMs, () => bus.notice());
    this.#after(Math.max(brokerMs, processMs), () => (bus.stalled = false));
  }

  /** Nothing goes through for a while. */
  stallLink(index: number, ms: number): void {
    const { bus } = this.#workers[index] ?? this.#api;
    bus.stalled = true;
    this.#after(ms, () => (bus.stalled = false));
  }

  restartBroker(): void {
    this.#servers.broker.loseTransient();
    for (const index of [0, 1, WORKERS]) this.resetLink(index);
  }

  failDatabase(when: 'before' | 'after'): void {
    this.#servers.database.faults.push(when);
  }

  /** Takes steps as `picks` say. */
  async choose(picks: readonly number[]): Promise<void> {
    for (const pick of picks) {
      await this.world.step((count) => pick % count, this.world.now + 1_000);
    }
  }

  /** Lets time pass, with whatever happens in it. */
  async elapse(ms: number): Promise<void> {
    const until = this.world.now + ms;
    while (await this.world.step(oldestFirst, until));
  }

  /** Repairs all that is broken, lets everything end, and says what was wrong about it. */
  async finish(): Promise<Outcome> {
    this.#repair();
    await this.#until(() => this.#open().every(({ state }) => state === 'PAUSED'), SETTLE_MS);
    const stuck = this.#open().filter(({ state }) => state !== 'PAUSED' && state !== 'CANCELLING');
    for (const { id, state } of stuck) this.truth.fault(`${id} is ${state} for ever`);
    for (const slot of this.#executions.keys()) this.cancel(slot, false);
    await this.#until(() => this.#open().length === 0, CANCEL_BOUND_MS);
    for (const { id, state } of this.#open()) this.truth.fault(`${id} was cancelled and is ${state}`);
    const executions = await this.#read();
    this.truth.judge(executions, this.#answers);
    for (const error of this.#servers.errors) this.truth.fault(`an error was logged: ${error}`);
    for (const letter of this.#servers.broker.deadLetters) {
      this.truth.fault(`a dead letter: ${letter.type} ${letter.reason} ${letter.content}`);
    }
    return { faults: this.truth.faults, executions };
  }

  #repair(): void {
    this.#servers.database.faults.length = 0;
    this.startApi();
    for (const [index, worker] of this.#workers.entries()) {
      worker.freeze(false);
      this.startWorker(index);
    }
  }

  #open(): Array<{ readonly id: string; readonly state: ExecutionState }> {
    return this.truth.executions().filter(({ state }) => !isTerminal(state));
  }

  async #until(isSo: () => boolean, limitMs: number): Promise<void> {
    const limit = this.world.now + limitMs;
    while (!isSo() && this.world.now < limit) await this.elapse(50);
  }

  async #read(): Promise<Array<ExecutionResource & { events?: EventResource[] }>> {
    const read: ExecutionResource[] = [];
    const ids = this.truth.executions().map(({ id }) => id);
    for (const id of ids) {
      this.#api.call(
        (core) => core.executions.get('model', id, true),
        (answer) => void answer.then((execution) => read.push(execution)),
      );
    }
    await this.#until(() => read.length === ids.length, 5_000);
    return read;
  }

  #ask(ask: (core: Core) => Promise<unknown>): void {
    this.#api.call(ask, (answer) => {
      answer.catch((error: unknown) => {
        if (!(error instanceof FluxError)) this.truth.fault(`a request failed: ${String(error)}`);
      });
    });
  }

  #note(executionId: string, answer: Promise<ExecutionResource>): void {
    const note = (state: ExecutionState | undefined, accepted: boolean): void => {
      this.#answers.push({ executionId, state, accepted, at: this.world.now });
      this.truth.checkAnswer(executionId, state, accepted);
    };
    answer.then(
      ({ state }) => note(state, true),
      (error: unknown) => {
        const { code, details } = error as FluxError;
        if (code === 'EXECUTION_ALREADY_FINISHED') note(details?.state as ExecutionState, false);
        else if (code !== 'DATABASE_UNAVAILABLE' && code !== 'EXECUTION_NOT_FOUND') {
          this.truth.fault(`a cancel failed: ${String(error)}`);
        }
      },
    );
  }

  #newApi(): SimulatedApi {
    this.#incarnations += 1;
    return new SimulatedApi(this.world, this.#servers, `api ${this.#incarnations}`);
  }

  #newWorker(index: number): SimulatedWorker {
    this.#incarnations += 1;
    const workerId = `worker-${index}@${this.#incarnations}`;
    const workflow = scriptedWorkflow((of, what) => this.truth.effect(workerId, of, what));
    return new SimulatedWorker(this.world, this.#servers, workerId, workflow);
  }

  #after(ms: number, then: () => void): void {
    const loop = this.world.loop('the network');
    loop.addTimer(
      () => {
        then();
        this.world.kill(loop);
      },
      this.world.now,
      ms,
      false,
    );
  }
}
