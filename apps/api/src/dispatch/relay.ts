import { BusUnavailableError, UnroutableError, type Bus } from '@flux/messaging';
import type { Topology } from '@flux/contracts';
import type { Logger } from 'pino';
import { Batcher } from '../database/batcher.js';
import type { Database } from '../database/database.js';
import { isConnectionError } from '../database/errors.js';
import { toNotice } from '../executions/notices.js';
import { Signal } from '../signal.js';
import { OUTBOX_LEASE_MS, type OutboxRow } from './outbox.js';
import { DELETE_OUTBOX, TAKE_OUTBOX } from './sql.js';

const SWEEP_BATCH = 500;

/**
 * Publishes what was committed to the outbox, at least once: right after the commit from memory, and whatever was
 * left (a crash, a broker that was down) by {@link Relay.sweep}. A row goes only when the broker has confirmed it.
 */
export class Relay {
  /** The worker that a cancel could not be routed to. */
  readonly ownerGone = new Signal<string>();
  readonly #database: Database;
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #logger: Logger;
  readonly #declared = new Map<string, Promise<void>>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #deletions: Batcher<string, void>;

  constructor(database: Database, bus: Bus, topology: Topology, logger: Logger) {
    this.#database = database;
    this.#bus = bus;
    this.#topology = topology;
    this.#logger = logger;
    this.#deletions = new Batcher((ids) => this.#delete(ids), {
      maxBatch: 500,
      flights: 1,
      failsAll: isConnectionError,
    });
  }

  /** Starts to publish rows that are durable; never throws, and leaves a row whose publish fails to the sweep. */
  publish(rows: readonly OutboxRow[]): void {
    for (const row of rows) {
      const delivery = this.#deliver(row).finally(() => this.#inFlight.delete(delivery));
      this.#inFlight.add(delivery);
    }
  }

  /** Publishes rows that were left behind; without a broker there is nothing to try. */
  async sweep(): Promise<void> {
    for (let taken = SWEEP_BATCH; taken === SWEEP_BATCH && this.#bus.state === 'connected';) {
      const now = Date.now();
      const until = new Date(now + OUTBOX_LEASE_MS).toISOString();
      const rows = await this.#database.query<OutboxRow>(TAKE_OUTBOX, [
        new Date(now).toISOString(),
        until,
        SWEEP_BATCH,
      ]);
      taken = rows.length;
      await Promise.all(rows.map((row) => this.#deliver(row)));
    }
  }

  /** Declares the queue in which executions of the workflow wait, once. */
  declareRun(workflowName: string): Promise<void> {
    let declared = this.#declared.get(workflowName);
    if (!declared) {
      declared = this.#bus.declare(this.#topology.run(workflowName));
      this.#declared.set(workflowName, declared);
      declared.catch(() => this.#declared.delete(workflowName));
    }
    return declared;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
    await this.#deletions.idle();
  }

  async #deliver(row: OutboxRow): Promise<void> {
    try {
      await this.#send(row);
      await this.#deletions.run(row.id);
    } catch (error) {
      // Both are repaired by the sweep, which says so only once the cause is gone.
      if (error instanceof BusUnavailableError || isConnectionError(error)) return;
      this.#logger.error(
        { err: error, kind: row.kind, target: row.target },
        'an outbox row was not published',
      );
    }
  }

  async #send(row: OutboxRow): Promise<void> {
    if (row.kind === 'cancel') {
      const notice = toNotice(row.body, Date.now());
      try {
        await this.#bus.publish(this.#topology.control(row.target), 'cancel', notice, {
          mandatory: true,
          persistent: false,
        });
      } catch (error) {
        // Done with: should the owner be back in a moment, the sweeper sends the cancel again.
        if (!(error instanceof UnroutableError)) throw error;
        this.ownerGone.emit(row.target);
      }
      return;
    }
    await this.declareRun(row.target);
    try {
      await this.#bus.publish(this.#topology.run(row.target), 'run', row.body, { mandatory: true });
    } catch (error) {
      // Somebody deleted the queue: the next try declares it anew.
      if (error instanceof UnroutableError) this.#declared.delete(row.target);
      throw error;
    }
  }

  async #delete(ids: readonly string[]): Promise<void[]> {
    await this.#database.query(DELETE_OUTBOX, [ids]);
    return ids.map(() => undefined);
  }
}
