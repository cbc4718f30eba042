import type { CheckpointEvent, HistoryEntry } from '@flux/contracts';
import { aheadOf } from '@flux/domain';

/**
 * The api's time against this machine's, whose clocks differ. A sleep is due on the api's clock, in its database and on
 * the way there, and on this one's where code waits for it: so it lasts as long as it should on any worker.
 */
export class ApiClock {
  #aheadMs = 0;

  /** The api told its time between the two, which are ours; one of an older version tells none. */
  heard(told: number | undefined, before: number, after: number): void {
    if (told !== undefined) this.#aheadMs = aheadOf(this.#aheadMs, told, before, after);
  }

  toApi(event: CheckpointEvent): CheckpointEvent {
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
