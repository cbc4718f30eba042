import type { Logger } from 'pino';
import { isConnectionError } from '../database/errors.js';
import type { Firing } from './firing.js';
import type { ScheduleStore } from './schedule-store.js';
import { timesOf } from './times.js';

export const SCHEDULE_INTERVAL_MS = 250;
const BATCH = 100;
/** Schedules fired at once: more would take the database's connections from others. */
const LANES = 4;
/** A schedule that cannot be fired, for a reason that is not its own, is tried again after this. */
const RETRY_MS = 5_000;

export interface SchedulerParts {
  readonly schedules: ScheduleStore;
  readonly firing: Firing;
  readonly logger: Logger;
}

/**
 * Fires the schedules that are due. Replicas look at the same time: each schedule is taken by one of them. One that
 * fails is put off, so it never keeps the others waiting.
 */
export class Scheduler {
  readonly #parts: SchedulerParts;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  async turn(): Promise<void> {
    const seen = new Set<string>();
    for (let found = BATCH; found === BATCH;) {
      const due = (await this.#parts.schedules.findDue(BATCH)).filter((id) => !seen.has(id));
      // A schedule that still has more to fire, or that another replica has, is for the next turn.
      found = due.length;
      for (const id of due) seen.add(id);
      await Promise.all(Array.from({ length: LANES }, () => this.#lane(due)));
    }
  }

  async #lane(due: string[]): Promise<void> {
    for (let id = due.shift(); id !== undefined; id = due.shift()) await this.#fire(id);
  }

  async #fire(id: string): Promise<void> {
    try {
      await this.#parts.firing.fire(
        id,
        (tx) => this.#parts.schedules.lockDue(tx, id),
        (pending) => pending.fireDue(timesOf(pending.row.spec, pending.row.anchorAt)),
      );
    } catch (error) {
      if (isConnectionError(error)) throw error;
      this.#parts.logger.error({ err: error, scheduleId: id }, 'a schedule could not be fired');
      await this.#parts.schedules.postpone(id, RETRY_MS);
    }
  }
}
