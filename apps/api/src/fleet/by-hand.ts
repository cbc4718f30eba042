import type { NamedWorkers, Topology, WorkerResource, WorkerWish } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { within } from '../flow/within.js';
import type { LiveWorkers } from '../registry/live-workers.js';
import type { NewWish, WorkerStore } from '../store/ports.js';
import type { FleetService } from './fleet-service.js';

/** How long an answer waits for the workers to be told. A broker that is away or blocked is not waited for. */
const TELL_LIMIT_MS = 1_000;

export interface WorkersByHandParts {
  readonly store: WorkerStore;
  readonly live: LiveWorkers;
  readonly fleet: FleetService;
  readonly bus: Bus;
  readonly topology: Topology;
  readonly logger: Logger;
}

/**
 * What operators ask of the workers of a name. A wish is durable before anybody is told, and is told at once on their
 * control queues, with each answer to a registration and to a heartbeat again. Errors are FluxErrors: `WORKER_NOT_FOUND`,
 * `DATABASE_UNAVAILABLE`.
 */
export class WorkersByHand {
  readonly #parts: WorkersByHandParts;

  constructor(parts: WorkersByHandParts) {
    this.#parts = parts;
  }

  /** Resolves with the workers once the wish is durable, and the broker has the word for each that is live. */
  async wish(name: string, wish: NewWish): Promise<NamedWorkers> {
    const { store, fleet, live, logger } = this.#parts;
    const noted = await store.wish(name, wish);
    if (!noted) throw noSuchWorker(name);
    const named = await fleet.named(name);
    for (const { workerId } of named.workers) live.forget(workerId);
    if (noted.isNew) logger.info({ worker: name, ...wish }, 'workers were asked by hand');
    const told = named.workers.map((worker) => this.#tell(worker, noted.wish));
    await within(TELL_LIMIT_MS, Promise.all(told), () => undefined);
    return named;
  }

  /** @throws FluxError `WORKER_NOT_FOUND` */
  async assertKnown(name: string): Promise<void> {
    const { workers, byHand } = await this.#parts.fleet.named(name);
    if (workers.length === 0 && !byHand) throw noSuchWorker(name);
  }

  /** A worker that does not hear it now hears it with its next heartbeat. */
  async #tell({ workerId, state }: WorkerResource, wish: WorkerWish): Promise<void> {
    if (state === 'lost' || state === 'stopped') return;
    const { bus, topology, logger } = this.#parts;
    const body = { at: Date.now(), wish };
    await bus
      .publish(topology.control(workerId), 'ping', body, { mandatory: true, persistent: false })
      .catch((error: unknown) => logger.debug({ err: error, workerId }, 'a wish is told later'));
  }
}

/** The {@link WorkersByHand} as REST knows them, and tests play them. */
export type ByHandService = Pick<WorkersByHand, keyof WorkersByHand>;

function noSuchWorker(name: string): FluxError {
  return new FluxError('WORKER_NOT_FOUND', `no worker is called '${name}'`);
}
