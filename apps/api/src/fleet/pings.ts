import type { Topology } from '@flux/contracts';
import { UnroutableError, type Bus } from '@flux/messaging';
import type { Database } from '../database/database.js';
import type { OwnerLoss } from './owner-loss.js';
import { LIVE_WORKERS } from './sql.js';

/** Together with the interval this bounds how late a killed worker is noticed: under a second. */
export const PING_INTERVAL_MS = 480;
/** A connection that was cut and is back within this is not a lost worker. */
const SECOND_STRIKE_MS = 450;
/** After a broker restart everybody needs a moment to come back, the api first. */
const SETTLE_MS = 3_000;

/**
 * Looks whether each worker's control queue is there. It dies with the worker's connection, so a ping that comes back
 * twice means that the worker is gone, provided that the api's own connection stood all the time.
 */
export class Pings {
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #loss: OwnerLoss;
  /** When a ping to the worker first came back. */
  readonly #strikes = new Map<string, number>();
  readonly #unsubscribe: () => void;
  #connectedSince: number;

  constructor(database: Database, bus: Bus, topology: Topology, loss: OwnerLoss) {
    this.#database = database;
    this.#bus = bus;
    this.#topology = topology;
    this.#loss = loss;
    this.#connectedSince = bus.state === 'connected' ? Date.now() : Number.POSITIVE_INFINITY;
    this.#unsubscribe = bus.onStateChange((state) => {
      this.#strikes.clear();
      this.#connectedSince = state === 'connected' ? Date.now() : Number.POSITIVE_INFINITY;
    });
  }

  /** A message to this worker came back: that is a first strike. */
  suspect(workerId: string): void {
    if (!this.#strikes.has(workerId)) this.#strikes.set(workerId, Date.now());
  }

  /** Pings every live worker once, and loses those that are gone. */
  async round(): Promise<void> {
    if (Date.now() - this.#connectedSince < SETTLE_MS) return;
    const live = (await this.#database.query<{ id: string }>(LIVE_WORKERS, [])).map((row) => row.id);
    for (const workerId of this.#strikes.keys()) if (!live.includes(workerId)) this.#strikes.delete(workerId);
    const gone = await Promise.all(live.map((workerId) => this.#isGone(workerId)));
    await this.#loss.lose(
      live.filter((_, index) => gone[index]),
      'its control queue is gone',
    );
  }

  stop(): void {
    this.#unsubscribe();
  }

  async #isGone(workerId: string): Promise<boolean> {
    const connectedSince = this.#connectedSince;
    const sentAt = Date.now();
    try {
      const options = { mandatory: true, persistent: false };
      await this.#bus.publish(this.#topology.control(workerId), 'ping', { at: sentAt }, options);
      this.#strikes.delete(workerId);
      return false;
    } catch (error) {
      // Our own connection failed or changed meanwhile: that says nothing about the worker.
      if (!(error instanceof UnroutableError) || connectedSince !== this.#connectedSince) return false;
      const first = this.#strikes.get(workerId) ?? sentAt;
      this.#strikes.set(workerId, first);
      return sentAt - first >= SECOND_STRIKE_MS;
    }
  }
}
