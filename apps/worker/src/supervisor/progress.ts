import type { ProgressUpdate, Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';

/**
 * Tells every api replica how far tasks are, best effort. One message is under way at a time; of what a task told
 * meanwhile only the latest goes out.
 */
export class Progress {
  readonly #waiting = new Map<string, ProgressUpdate>();
  #publishing = false;

  constructor(
    private readonly bus: Bus,
    private readonly topology: Topology,
  ) {}

  publish(update: ProgressUpdate): void {
    if (this.bus.state === 'disconnected') return;
    this.#waiting.set(`${update.executionId} ${update.callId}`, update);
    if (!this.#publishing) void this.#publishAll();
  }

  async #publishAll(): Promise<void> {
    this.#publishing = true;
    for (const [key, update] of this.#waiting) {
      this.#waiting.delete(key);
      await this.bus
        .publish(this.topology.updates, 'progress', update, { persistent: false })
        .catch(() => undefined);
    }
    this.#publishing = false;
  }
}
