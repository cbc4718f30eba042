import type { StateUpdate, Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';

const MOST_ITEMS = 500;

/**
 * Tells the other replicas of state updates, best effort: what is lost is found by their own slow look at the
 * database. Updates that come while a publish is under way go out together.
 */
export class UpdatePublisher {
  readonly #bus: Bus;
  readonly #topology: Topology;
  #waiting = new Map<string, StateUpdate>();
  #publishing: Promise<void> | undefined;

  constructor(bus: Bus, topology: Topology) {
    this.#bus = bus;
    this.#topology = topology;
  }

  publish(updates: readonly StateUpdate[]): void {
    if (this.#bus.state !== 'connected') return;
    for (const update of updates) this.#waiting.set(update.executionId, update);
    if (this.#waiting.size === 0) return;
    this.#publishing ??= this.#drain().finally(() => {
      this.#publishing = undefined;
      // Updates that came after the drain's last look.
      this.publish([]);
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#publishing;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const items = [...this.#waiting.values()];
      this.#waiting = new Map();
      for (let start = 0; start < items.length; start += MOST_ITEMS) {
        const body = { items: items.slice(start, start + MOST_ITEMS) };
        await this.#bus
          .publish(this.#topology.updates, 'updates', body, { persistent: false })
          .catch(() => undefined);
      }
    }
  }
}
