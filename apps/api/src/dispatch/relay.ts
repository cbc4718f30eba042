import { runQueue, type MessageBody, type QueueAddress, type Topology } from '@flux/contracts';
import { BusUnavailableError, UnroutableError, type Bus, type PublishOptions } from '@flux/messaging';
import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import { isConnectionError, isTransientError } from '../database/errors.js';
import { FAMILY_KINDS, toNotice, type FamilyRow, type OutboxRow } from '../lifecycle/messages.js';
import type { AvailableWorkers } from '../registry/available-workers.js';
import type { OutboxStore } from '../store/ports.js';
import { tellChildEnd } from './tell-child-end.js';

const SWEEP_BATCH = 500;
/** The delay of deletes: rows are deleted together, and off the way of the work that they have started. */
const DELETE_AFTER_MS = 100;

export interface RelayParts {
  readonly outbox: OutboxStore;
  readonly bus: Bus;
  readonly topology: Topology;
  readonly available: AvailableWorkers;
  readonly logger: Logger;
}

/**
 * Publishes the committed rows of the outbox, each at least once: from memory right after the commit. Rows that a
 * crash or a broker that was down has left are published by {@link Relay.sweep}. A row is deleted only when the broker
 * has confirmed the message.
 */
export class Relay {
  /** Tells of a worker that a message could not be routed to. */
  readonly ownerGone = new EventEmitter<{ told: [workerId: string] }>();
  readonly #parts: RelayParts;
  readonly #declared = new Map<string, Promise<void>>();
  readonly #inFlight = new Set<Promise<void>>();
  #applyFamily: (row: FamilyRow) => Promise<void> = () => Promise.reject(new Error('nobody applies it'));
  #published: string[] = [];
  #deletion: NodeJS.Timeout | undefined;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /**
   * Names the function that applies a row about a family, which the api does itself. The call comes before the first
   * row.
   */
  applyFamily(apply: (row: FamilyRow) => Promise<void>): void {
    this.#applyFamily = apply;
  }

  /** Starts to publish rows that are durable; never throws, and leaves a row whose publish fails to the sweep. */
  publish(rows: readonly OutboxRow[]): void {
    for (const row of rows) {
      const delivery = this.#deliver(row).finally(() => this.#inFlight.delete(delivery));
      this.#inFlight.add(delivery);
    }
  }

  /** Publishes rows that were left behind; without a broker, only rows that need none. */
  async sweep(): Promise<void> {
    const { outbox, bus } = this.#parts;
    for (let taken = SWEEP_BATCH; taken === SWEEP_BATCH;) {
      const rows = await outbox.take(SWEEP_BATCH, bus.state === 'connected' ? undefined : FAMILY_KINDS);
      taken = rows.length;
      await Promise.all(rows.map((row) => this.#deliver(row)));
    }
  }

  /** Declares the queues in which executions of the workflow wait for a worker that has it in this version, once. */
  async declareRuns(workflowName: string, version: string | null): Promise<void> {
    const queues = [
      this.#parts.topology.run(workflowName),
      this.#parts.topology.begun(workflowName, version),
    ];
    await Promise.all(queues.map((queue) => this.#declare(queue)));
  }

  #declare(queue: QueueAddress): Promise<void> {
    let declared = this.#declared.get(queue.name);
    if (!declared) {
      declared = this.#parts.bus.declare(queue);
      this.#declared.set(queue.name, declared);
      declared.catch(() => this.#declared.delete(queue.name));
    }
    return declared;
  }

  /** Resolves when no row is under way and all published rows are deleted. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    await this.#deletePublished();
  }

  async #deliver(row: OutboxRow): Promise<void> {
    try {
      await this.#send(row);
      this.#published.push(row.id);
      this.#deletion ??= setTimeout(() => void this.#deletePublished(), DELETE_AFTER_MS);
    } catch (error) {
      // The sweep tries again once there is a broker, or a database.
      if (error instanceof BusUnavailableError || isTransientError(error)) return;
      this.#parts.logger.error(
        { err: error, kind: row.kind, target: row.target },
        'an outbox row was not published',
      );
    }
  }

  async #send(row: OutboxRow): Promise<void> {
    if (row.kind === 'child_ended' || row.kind === 'cancel_children') return this.#applyFamily(row);
    if (row.kind === 'offer') return this.#offer(row.body);
    if (row.kind !== 'run') return this.#tellOwner(row);
    const queue = runQueue(this.#parts.topology, row.body);
    await this.#declare(queue);
    try {
      await this.#parts.bus.publish(queue, 'run', row.body, { mandatory: true });
    } catch (error) {
      // The queue has lapsed, or somebody deleted it: the next try declares it anew.
      if (error instanceof UnroutableError) this.#declared.delete(queue.name);
      throw error;
    }
  }

  async #tellOwner(row: Exclude<OutboxRow, { kind: 'run' | 'offer' } | FamilyRow>): Promise<void> {
    const { bus, topology, outbox } = this.#parts;
    const queue = topology.control(row.target);
    await this.#tell(row.target, (options) => {
      if (row.kind === 'child') return tellChildEnd(bus, queue, row.body, options);
      const body = row.kind === 'cancel' ? toNotice(row.body, outbox.now()) : row.body;
      return bus.publish(queue, row.kind, body, options);
    });
  }

  /**
   * Asks a worker that answers to take the execution. Without such a worker there is nothing to do: the execution
   * waits in its queue.
   */
  async #offer(body: MessageBody<'offer'>): Promise<void> {
    const { available, bus, topology } = this.#parts;
    for (const workerId of await available.takersOf(body)) {
      const control = topology.control(workerId);
      await this.#tell(workerId, (options) => bus.publish(control, 'offer', body, options));
    }
  }

  async #tell(workerId: string, publish: (options: PublishOptions) => Promise<void>): Promise<void> {
    try {
      await publish({ mandatory: true, persistent: false });
    } catch (error) {
      // The row is done with: should the worker be back in a moment, the sweeper sends the message again.
      if (!(error instanceof UnroutableError)) throw error;
      this.ownerGone.emit('told', workerId);
    }
  }

  /** A row that cannot be deleted now is published again by the sweep, and deleted then. */
  async #deletePublished(): Promise<void> {
    clearTimeout(this.#deletion);
    this.#deletion = undefined;
    const ids = this.#published.splice(0);
    if (ids.length === 0) return;
    await this.#parts.outbox.delete(ids).catch((error: unknown) => {
      if (!isConnectionError(error)) this.#parts.logger.error({ err: error }, 'outbox rows were not deleted');
    });
  }
}
