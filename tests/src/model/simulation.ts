import { createTopology } from '@flux/contracts';
import { emptyTables, memoryStores, type Core } from '@flux/api/testing';
import { Broker } from './broker.js';
import type { Mutant } from './mutants.js';
import {
  WORKERS,
  type FixedPlace,
  type Place,
  type PlannedFault,
  type WorkerPlace,
  type WorkerTarget,
} from './program.js';
import { scriptedWorkflow } from './scripted-workflow.js';
import { SimulatedApi, type Servers } from './simulated-api.js';
import type { SimulatedBus } from './simulated-bus.js';
import { StoreServer } from './simulated-stores.js';
import { SimulatedWorker } from './simulated-worker.js';
import type { Tally } from './tally.js';
import { Truth } from './truth.js';
import type { World } from './world.js';

/** Api, broker, database and two workers in one process, on one clock, and what can befall them. */
export class Simulation {
  readonly truth: Truth;
  readonly #servers: Servers;
  readonly #workers = new Map<WorkerPlace, SimulatedWorker>();
  #api: SimulatedApi;
  #incarnations = 0;
  #isMended = false;

  constructor(
    private readonly world: World,
    private readonly tally: Tally,
    mutant: Mutant = {},
  ) {
    const tables = emptyTables(Date.now);
    const stores = memoryStores(tables);
    this.truth = new Truth(world, tables, tally);
    this.#servers = {
      broker: new Broker(world, tally),
      store: new StoreServer(mutant.stores?.(stores, tables) ?? stores, tally, () => this.truth.look()),
      topology: createTopology('model'),
      errors: [],
      mutant,
    };
    this.#api = this.#newApi();
    for (const place of WORKERS) this.#workers.set(place, this.#newWorker(place));
  }

  get broker(): Broker {
    return this.#servers.broker;
  }

  /** The errors that processes logged. */
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
    if (!victim?.isAlive) return false;
    victim.kill();
    return true;
  }

  /** Starts what is dead. */
  restart(place: FixedPlace): boolean {
    if (this.#processAt(place)?.isAlive) return false;
    if (place === 'api') this.#api = this.#newApi();
    else this.#workers.set(place, this.#newWorker(place));
    return true;
  }

  close(place: WorkerTarget): boolean {
    return this.#workerAt(place)?.close(() => this.#isMended && this.#restartAll()) ?? false;
  }

  breakRunner(place: WorkerTarget): boolean {
    return this.#workerAt(place)?.breakRunner() ?? false;
  }

  mute(place: WorkerTarget): boolean {
    const bus = this.#busAt(place);
    bus?.mute();
    return bus !== undefined;
  }

  /** What was muted goes on, with all that it had to say. */
  unmute(): void {
    for (const place of WORKERS) this.#busAt(place)?.unmute();
  }

  freeze(place: WorkerTarget, frozen: boolean): boolean {
    return this.#workerAt(place)?.freeze(frozen) ?? false;
  }

  resetLink(place: Place): boolean {
    const bus = this.#busAt(place);
    bus?.breakOff();
    bus?.notice();
    return bus !== undefined;
  }

  cutLink(place: Place, brokerMs: number, processMs: number): boolean {
    const bus = this.#busAt(place);
    if (!bus) return false;
    const { session } = bus;
    this.world.after(brokerMs, () => bus.breakOff(session));
    this.world.after(processMs, () => bus.notice(session));
    return this.stallLink(place, Math.max(brokerMs, processMs));
  }

  stallLink(place: Place, ms: number): boolean {
    const bus = this.#busAt(place);
    if (!bus) return false;
    bus.stalled += 1;
    this.world.after(ms, () => (bus.stalled -= 1));
    return true;
  }

  restartBroker(): void {
    this.broker.loseTransient();
    for (const place of ['api', ...WORKERS] as const) this.resetLink(place);
  }

  /** Befalls the next call of a store, or the next that writes to an execution. */
  failDatabase(fault: PlannedFault): void {
    this.#servers.store.plan(fault, () => fault.do === 'crash api' && this.kill('api'));
  }

  /** All that is broken or planned is mended, but for what is muted; links that are cut come back in their time, and so do workers that close. */
  repair(): void {
    this.#servers.store.appease();
    this.broker.appease();
    for (const place of WORKERS) this.freeze(place, false);
    this.#isMended = true;
    this.#restartAll();
  }

  #restartAll(): void {
    for (const place of ['api', ...WORKERS] as const) this.restart(place);
  }

  #processAt(place: Place): SimulatedApi | SimulatedWorker | undefined {
    return place === 'api' ? this.#api : this.#workerAt(place);
  }

  /** Absent when it is the owner of something, and nothing has one. */
  #workerAt(place: WorkerTarget): SimulatedWorker | undefined {
    if (isFixed(place)) return this.#workers.get(place);
    const owners = this.truth.open().flatMap(({ workerId }) => workerId ?? []);
    const owner = owners[Number(place.split(' ')[1]) % owners.length];
    return [...this.#workers.values()].find(({ workerId }) => workerId === owner);
  }

  #busAt(place: Place): SimulatedBus | undefined {
    const process = this.#processAt(place);
    return process?.isAlive ? process.bus : undefined;
  }

  #newApi(): SimulatedApi {
    this.#incarnations += 1;
    return new SimulatedApi(this.world, this.#servers, `api ${this.#incarnations}`);
  }

  #newWorker(place: WorkerPlace): SimulatedWorker {
    this.#incarnations += 1;
    const workerId = `${place.replace(' ', '-')}@${this.#incarnations}`;
    const workflow = scriptedWorkflow(({ executionId, attempt }, what) => {
      this.tally.add(`effect: ${what}`);
      this.truth.effect({ workerId, executionId, attempt, what, hasJustWoken: worker.hasJustWoken });
    });
    const worker = new SimulatedWorker(this.world, this.#servers, workerId, workflow);
    return worker;
  }
}

function isFixed(place: WorkerTarget): place is WorkerPlace {
  return (WORKERS as readonly string[]).includes(place);
}
