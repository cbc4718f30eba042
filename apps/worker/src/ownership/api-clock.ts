import type { HistoryEntry } from '@flux/contracts';
import { aheadOf } from '@flux/domain';
import type { ToldEvent } from '../wire/packed-event.js';

/**
 * The api's time against this machine's, whose clocks differ. A sleep is due on the api's clock in the database and
 * on the way there, and on this machine's clock where code waits for the sleep: so it lasts as long as it should on
 * any worker.
 */
export class ApiClock {
  #aheadMs = 0;

  /**
   * Notes the time that the api told between `before` and `after`, which are this machine's; an api of an older
   * version tells none.
   */
  heard(told: number | undefined, before: number, after: number): void {
    if (told !== undefined) this.#aheadMs = aheadOf(this.#aheadMs, told, before, after);
  }

  toApi(event: ToldEvent): ToldEvent {
    const isDue = event.type === 'timer_started' || event.type === 'parked';
    if (!isDue || event.dueAt === null || this.#aheadMs === 0) return event;
    return { ...event, dueAt: event.dueAt + this.#aheadMs };
  }

  toOurs(entries: readonly HistoryEntry[]): HistoryEntry[] {
    return entries.map((entry) =>
      entry.type === 'timer_started' ? { ...entry, dueAt: entry.dueAt - this.#aheadMs } : entry,
    );
  }
}
