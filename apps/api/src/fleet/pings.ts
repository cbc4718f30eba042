import { setTimeout as sleep } from 'node:timers/promises';
import type { Topology } from '@flux/contracts';
import { ALARM } from '@flux/domain';
import { UnroutableError, type Bus } from '@flux/messaging';
import type { BrokerAlarm } from './broker-alarm.js';
import type { OwnerLoss } from './owner-loss.js';
import type { WorkerStore } from '../store/ports.js';

/** Together with the interval this bounds how late a killed worker is noticed: in about half a second. */
export const PING_INTERVAL_MS = 240;
/** A connection that was cut and is back within this is not a lost worker. */
const SECOND_STRIKE_MS = 160;
/** The moment that everybody needs to come back after a broker restart, the api first. */
const SETTLE_MS = 3_000;

export interface PingsParts {
  readonly workers: WorkerStore;
  readonly bus: Bus;
  readonly topology: Topology;
  readonly loss: OwnerLoss;
  readonly alarm: BrokerAlarm;
}

/**
 * Looks whether each worker's control queue is there. The queue dies with the worker's connection. So a ping that
 * comes back twice means that the worker is gone, provided that the api's own connection stood all the time.
 */
export class Pings {
  readonly #parts: PingsParts;
  /** When a ping to the worker first came back, on the clock of `performance.now()`, as all times here. */
  readonly #strikes = new Map<string, number>();
  readonly #unsubscribe: () => void;
  #connectedSince: number;

  constructor(parts: PingsParts) {
    this.#parts = parts;
    const { bus } = parts;
    const hears = (): boolean => bus.state === 'connected' || bus.state === 'partial';
    this.#connectedSince = hears() ? performance.now() : Number.POSITIVE_INFINITY;
    this.#unsubscribe = bus.onStateChange(() => {
      if (hears() && this.#connectedSince < Number.POSITIVE_INFINITY) return;
      this.#strikes.clear();
      this.#connectedSince = hears() ? performance.now() : Number.POSITIVE_INFINITY;
    });
  }

  /** A message to this worker came back: that is a first strike. */
  suspect(workerId: string): void {
    if (!this.#strikes.has(workerId)) this.#strikes.set(workerId, performance.now());
  }

  /** Pings every live worker once, and loses those that are gone. */
  async round(): Promise<void> {
    if (performance.now() - this.#connectedSince < SETTLE_MS) return;
    if (!this.#parts.alarm.isOverFor(ALARM.settleMs)) return;
    const live = await this.#parts.workers.findLive();
    for (const workerId of this.#strikes.keys()) if (!live.includes(workerId)) this.#strikes.delete(workerId);
    await this.#pingAll(live);
    if (this.#strikes.size > 0) await sleep(SECOND_STRIKE_MS + 5);
    const gone = await this.#pingAll([...this.#strikes.keys()]);
    await this.#parts.loss.lose(gone, 'its control queue is gone');
  }

  stop(): void {
    this.#unsubscribe();
  }

  /** Resolves with the workers that are gone. */
  async #pingAll(workerIds: readonly string[]): Promise<string[]> {
    const gone = await Promise.all(workerIds.map((workerId) => this.#isGone(workerId)));
    return workerIds.filter((_, index) => gone[index]);
  }

  async #isGone(workerId: string): Promise<boolean> {
    const connectedSince = this.#connectedSince;
    const sentAt = performance.now();
    const { bus, topology } = this.#parts;
    try {
      const options = { mandatory: true, persistent: false };
      await bus.publish(topology.control(workerId), 'ping', { at: Date.now() }, options);
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
