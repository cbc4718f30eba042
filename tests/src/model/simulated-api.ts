import {
  assembleCore,
  busSubscriptions,
  DECISIONS,
  ReportsController,
  RequestsController,
  type Core,
} from '@flux/api/testing';
import type { Topology } from '@flux/contracts';
import type { Broker } from './broker.js';
import { errorLog } from './log.js';
import type { Mutant } from './mutants.js';
import { handlersOf } from './pattern-handlers.js';
import { SimulatedBus } from './simulated-bus.js';
import { simulatedStores, type StoreServer } from './simulated-stores.js';
import type { World } from './world.js';

export const LEASE_MS = 3_000;
const HEARTBEAT_MS = 1_000;
export const GRACE_MS = 600;

export interface Servers {
  readonly broker: Broker;
  readonly store: StoreServer;
  readonly topology: Topology;
  /** The errors that any process logged. */
  readonly errors: string[];
  /** Another Flux than ours. */
  readonly mutant: Mutant;
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
  }

  #start(): void {
    const { store, topology, errors, mutant } = this.servers;
    const simulated = simulatedStores(this.world, store, this.#loop);
    const assembled = assembleCore({
      ...simulated,
      shown: simulated,
      decisions: { ...DECISIONS, ...mutant.decisions?.(DECISIONS) },
      bus: this.bus,
      topology,
      leaseMs: LEASE_MS,
      heartbeatMs: HEARTBEAT_MS,
      gracePeriodMs: GRACE_MS,
      inputCheckMs: 1000,
      maxDepth: 100,
      logger: errorLog(errors),
    });
    const core = mutant.core?.(assembled) ?? assembled;
    this.#core = core;
    const handle = handlersOf([new RequestsController(core), new ReportsController(core)]);
    for (const { address, prefetch } of busSubscriptions(topology)) {
      void this.bus.subscribe(address, handle, { prefetch });
    }
    core.start();
  }
}
