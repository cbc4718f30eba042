import {
  assembleCore,
  busSubscriptions,
  EventsController,
  RequestsController,
  type Core,
} from '@flux/api/testing';
import type { Topology } from '@flux/contracts';
import type { Broker } from './broker.js';
import { errorLog } from './log.js';
import { handlersOf } from './pattern-handlers.js';
import { SimulatedBus } from './simulated-bus.js';
import { SimulatedDatabase, type DatabaseServer } from './simulated-database.js';
import type { World } from './world.js';

export const LEASE_MS = 3_000;
export const HEARTBEAT_MS = 1_000;
export const GRACE_MS = 600;

export interface Servers {
  readonly broker: Broker;
  readonly database: DatabaseServer;
  readonly topology: Topology;
  /** What any process logged as an error. */
  readonly errors: string[];
}

/** An api process: the real core, with its consumers and what it does by itself. */
export class SimulatedApi {
  readonly bus: SimulatedBus;
  /** How many callers wait for an answer; they do so for ever when it dies. */
  open = 0;
  readonly #loop;
  readonly #calls;
  #core: Core | undefined;

  constructor(
    private readonly world: World,
    private readonly servers: Servers,
    name: string,
  ) {
    this.#loop = world.loop(name);
    this.#calls = world.lane(this.#loop);
    this.bus = new SimulatedBus(world, servers.broker, this.#loop);
    this.#calls.post(() => this.#start());
  }

  get isAlive(): boolean {
    return !this.#loop.dead;
  }

  /** A request of a caller; nothing comes back from a process that dies meanwhile. */
  call<T>(ask: (core: Core) => Promise<T>, onAnswer: (answer: Promise<T>) => void): void {
    this.open += 1;
    this.#calls.post(() => {
      const answer = ask(this.#core as Core);
      onAnswer(answer);
      answer.catch(() => undefined).finally(() => (this.open -= 1));
    });
  }

  /** SIGKILL. */
  kill(): void {
    this.world.kill(this.#loop);
    this.bus.breakOff();
    this.servers.database.forget(this.#loop);
  }

  #start(): void {
    const { broker: _, database, topology, errors } = this.servers;
    const core = assembleCore(new SimulatedDatabase(this.world, database, this.#loop), {
      bus: this.bus,
      topology,
      leaseMs: LEASE_MS,
      heartbeatMs: HEARTBEAT_MS,
      gracePeriodMs: GRACE_MS,
      logger: errorLog(errors),
    });
    this.#core = core;
    const handle = handlersOf([new RequestsController(core), new EventsController(core)]);
    for (const { address, prefetch } of busSubscriptions(topology)) {
      void this.bus.subscribe(address, handle, { prefetch });
    }
    core.start();
  }
}
