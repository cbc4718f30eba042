import type { ProgressUpdate, Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';

/**
 * Tells every api replica how far tasks are, best effort. One message is under way at a time; only the latest word
 * that a task told meanwhile goes out.
 */
export class Progress {
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #waiting = new Map<string, ProgressUpdate>();
  #publishing = false;

  constructor(bus: Bus, topology: Topology) {
    this.#bus = bus;
    this.#topology = topology;
  }

  publish(update: ProgressUpdate): void {
    if (this.#bus.state !== 'connected') return;
    this.#waiting.set(`${update.executionId} ${update.callId}`, update);
    if (!this.#publishing) void this.#publishAll();
  }

  async #publishAll(): Promise<void> {
    this.#publishing = true;
    for (const [key, update] of this.#waiting) {
      this.#waiting.delete(key);
      await this.#bus
        .publish(this.#topology.updates, 'progress', update, { persistent: false })
        .catch(() => undefined);
    }
    this.#publishing = false;
  }
}
