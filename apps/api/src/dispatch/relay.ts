import { BusUnavailableError, UnroutableError, type Bus } from '@flux/messaging';
import { runQueue, type MessageBody, type QueueAddress, type Topology } from '@flux/contracts';
import type { Logger } from 'pino';
import type { Database } from '../database/database.js';
import { isConnectionError, isTransientError } from '../database/errors.js';
import { toNotice } from '../executions/notices.js';
import type { Takers } from '../fleet/takers.js';
import { Signal } from '../signal.js';
import { FAMILY_KINDS, OUTBOX_LEASE_MS, type FamilyRow, type OutboxRow } from './outbox.js';
import { DELETE_OUTBOX, TAKE_OUTBOX } from './sql.js';

const SWEEP_BATCH = 500;
/** Rows are deleted together and a little later, off the way of whatever they have started. */
const DELETE_AFTER_MS = 100;

/**
 * Publishes what was committed to the outbox, at least once: right after the commit from memory, and whatever was
 * left (a crash, a broker that was down) by {@link Relay.sweep}. A row goes only when the broker has confirmed it.
 */
export class Relay {
  /** The worker that a message could not be routed to. */
  readonly ownerGone = new Signal<string>();
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #takers: Takers;
  readonly #logger: Logger;
  readonly #declared = new Map<string, Promise<void>>();
  readonly #inFlight = new Set<Promise<void>>();
  #applyFamily: (row: FamilyRow) => Promise<void> = () => Promise.reject(new Error('nobody applies it'));
  #published: string[] = [];
  #deletion: NodeJS.Timeout | undefined;

  constructor(database: Database, bus: Bus, topology: Topology, takers: Takers, logger: Logger) {
    this.#database = database;
    this.#bus = bus;
    this.#topology = topology;
    this.#takers = takers;
    this.#logger = logger;
  }

  /** Who does what is the api's own to do. Comes before the first row. */
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

  /** Publishes rows that were left behind; without a broker only what needs none. */
  async sweep(): Promise<void> {
    for (let taken = SWEEP_BATCH; taken === SWEEP_BATCH;) {
      const now = this.#database.now();
      const until = new Date(now + OUTBOX_LEASE_MS).toISOString();
      const rows = await this.#database.query<OutboxRow>(TAKE_OUTBOX, [
        new Date(now).toISOString(),
        until,
        SWEEP_BATCH,
        this.#bus.state === 'connected' ? null : FAMILY_KINDS,
      ]);
      taken = rows.length;
      await Promise.all(rows.map((row) => this.#deliver(row)));
    }
  }

  /** Declares the queues in which executions of the workflow wait for a worker that has it in this version, once. */
  async declareRuns(workflowName: string, version: string | null): Promise<void> {
    const queues = [this.#topology.run(workflowName), this.#topology.begun(workflowName, version)];
    await Promise.all(queues.map((queue) => this.#declare(queue)));
  }

  #declare(queue: QueueAddress): Promise<void> {
    let declared = this.#declared.get(queue.name);
    if (!declared) {
      declared = this.#bus.declare(queue);
      this.#declared.set(queue.name, declared);
      declared.catch(() => this.#declared.delete(queue.name));
    }
    return declared;
  }

  /** Resolves when nothing is under way and what was published is deleted. */
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
      this.#logger.error(
        { err: error, kind: row.kind, target: row.target },
        'an outbox row was not published',
      );
    }
  }

  async #send(row: OutboxRow): Promise<void> {
    if (row.kind === 'child_ended' || row.kind === 'cancel_children') return this.#applyFamily(row);
    if (row.kind === 'offer') return this.#offer(row.body);
    if (row.kind !== 'run') return this.#tellOwner(row);
    const queue = runQueue(this.#topology, row.body);
    await this.#declare(queue);
    try {
      await this.#bus.publish(queue, 'run', row.body, { mandatory: true });
    } catch (error) {
      // The queue has lapsed, or somebody deleted it: the next try declares it anew.
      if (error instanceof UnroutableError) this.#declared.delete(queue.name);
      throw error;
    }
  }

  async #tellOwner(row: Exclude<OutboxRow, { kind: 'run' | 'offer' } | FamilyRow>): Promise<void> {
    const body = row.kind === 'cancel' ? toNotice(row.body, this.#database.now()) : row.body;
    await this.#tell(row.target, row.kind, body);
  }

  /** Without a worker that answers there is nothing to do: the execution waits in its queue. */
  async #offer(body: MessageBody<'offer'>): Promise<void> {
    const workerId = await this.#takers.next(body);
    if (workerId !== undefined) await this.#tell(workerId, 'offer', body);
  }

  async #tell(workerId: string, type: string, body: unknown): Promise<void> {
    try {
      const options = { mandatory: true, persistent: false };
      await this.#bus.publish(this.#topology.control(workerId), type, body, options);
    } catch (error) {
      // Done with: should the worker be back in a moment, the sweeper sends it again.
      if (!(error instanceof UnroutableError)) throw error;
      this.ownerGone.emit(workerId);
    }
  }

  /** A row that cannot be deleted now is published again by the sweep, and deleted then. */
  async #deletePublished(): Promise<void> {
    clearTimeout(this.#deletion);
    this.#deletion = undefined;
    const ids = this.#published.splice(0);
    if (ids.length === 0) return;
    await this.#database.query(DELETE_OUTBOX, [ids]).catch((error: unknown) => {
      if (!isConnectionError(error)) this.#logger.error({ err: error }, 'outbox rows were not deleted');
    });
  }
}
