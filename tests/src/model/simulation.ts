import { createTopology } from '@flux/contracts';
import { MemoryTables, type Core } from '@flux/api/testing';
import { Broker } from './broker.js';
import type { Place, WorkerPlace } from './program.js';
import { scriptedWorkflow } from './scripted-workflow.js';
import { SimulatedApi, type Servers } from './simulated-api.js';
import type { SimulatedBus } from './simulated-bus.js';
import { DatabaseServer } from './simulated-database.js';
import { SimulatedWorker } from './simulated-worker.js';
import type { Tally } from './tally.js';
import { Truth } from './truth.js';
import type { World } from './world.js';

const WORKERS: readonly WorkerPlace[] = ['worker 0', 'worker 1'];

/** Api, broker, database and two workers in one process, on one clock, and what can befall them. */
export class Simulation {
  readonly truth: Truth;
  readonly tables = new MemoryTables();
  readonly #servers: Servers;
  readonly #workers = new Map<WorkerPlace, SimulatedWorker>();
  #api: SimulatedApi;
  #incarnations = 0;

  constructor(
    private readonly world: World,
    private readonly tally: Tally,
  ) {
    this.truth = new Truth(world, this.tables, tally);
    this.#servers = {
      broker: new Broker(world, tally),
      database: new DatabaseServer(this.tables, () => this.truth.look()),
      topology: createTopology('model'),
      errors: [],
    };
    this.#api = this.#newApi();
    for (const place of WORKERS) this.#workers.set(place, this.#newWorker(place));
  }

  get broker(): Broker {
    return this.#servers.broker;
  }

  /** What processes logged as an error. */
  get errors(): readonly string[] {
    return this.#servers.errors;
  }

  /** A request to the api; nothing comes back from one that is dead, or dies meanwhile. */
  ask<T>(ask: (core: Core) => Promise<T>, onAnswer: (answer: Promise<T>) => void): void {
    this.#api.call(ask, onAnswer);
  }

  /** Whether somebody waits for an answer that may still come. */
  get isAsked(): boolean {
    return this.#api.open > 0;
  }

  kill(place: Place): boolean {
    const victim = this.#processAt(place);
    if (!victim.isAlive) return false;
    victim.kill();
    return true;
  }

  /** Starts what is dead. */
  restart(place: Place): boolean {
    if (this.#processAt(place).isAlive) return false;
    if (place === 'api') this.#api = this.#newApi();
    else this.#workers.set(place, this.#newWorker(place));
    return true;
  }

  close(place: WorkerPlace): boolean {
    return this.#workerAt(place).close();
  }

  breakRunner(place: WorkerPlace): boolean {
    return this.#workerAt(place).breakRunner();
  }

  freeze(place: WorkerPlace, frozen: boolean): boolean {
    return this.#workerAt(place).freeze(frozen);
  }

  resetLink(place: Place): boolean {
    const bus = this.#busAt(place);
    if (!bus) return false;
    bus.breakOff();
    bus.notice();
    return true;
  }

  cutLink(place: Place, brokerMs: number, processMs: number): boolean {
    const bus = this.#busAt(place);
    if (!bus) return false;
    bus.stalled += 1;
    this.#after(brokerMs, () => bus.breakOff());
    this.#after(processMs, () => bus.notice());
    this.#after(Math.max(brokerMs, processMs), () => (bus.stalled -= 1));
    return true;
  }

  stallLink(place: Place, ms: number): boolean {
    const bus = this.#busAt(place);
    if (!bus) return false;
    bus.stalled += 1;
    this.#after(ms, () => (bus.stalled -= 1));
    return true;
  }

  restartBroker(): void {
    this.broker.loseTransient();
    for (const place of ['api', ...WORKERS] as const) this.resetLink(place);
  }

  failDatabase(when: 'before' | 'after'): void {
    this.#servers.database.faults.push(when);
  }

  /** All that is broken or planned is mended; links that are cut come back in their time. */
  repair(): void {
    this.#servers.database.faults.length = 0;
    this.broker.appease();
    for (const place of WORKERS) this.freeze(place, false);
    for (const place of ['api', ...WORKERS] as const) this.restart(place);
  }

  #processAt(place: Place): SimulatedApi | SimulatedWorker {
    return place === 'api' ? this.#api : this.#workerAt(place);
  }

  #workerAt(place: WorkerPlace): SimulatedWorker {
    return this.#workers.get(place) as SimulatedWorker;
  }

  #busAt(place: Place): SimulatedBus | undefined {
    const { isAlive, bus } = this.#processAt(place);
    return isAlive ? bus : undefined;
  }

  #newApi(): SimulatedApi {
    this.#incarnations += 1;
    return new SimulatedApi(this.world, this.#servers, `api ${this.#incarnations}`);
  }

  #newWorker(place: WorkerPlace): SimulatedWorker {
    this.#incarnations += 1;
    const workerId = `${place.replace(' ', '-')}@${this.#incarnations}`;
    const workflow = scriptedWorkflow((of, what) => {
      this.tally.add(`effect: ${what}`);
      this.truth.effect({ workerId, ...of, what, hasJustWoken: worker.hasJustWoken });
    });
    const worker = new SimulatedWorker(this.world, this.#servers, workerId, workflow);
    return worker;
  }

  #after(ms: number, then: () => void): void {
    const loop = this.world.loop('the network');
    const callback = (): void => {
      then();
      this.world.kill(loop);
    };
    loop.addTimer(callback, this.world.now, ms, false);
  }
}
