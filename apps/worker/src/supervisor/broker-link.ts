import type { QueueAddress } from '@flux/contracts';
import { UnroutableError, type Bus } from '@flux/messaging';

const PROBE_EVERY_MS = 150;
/** Beyond these, answers come so late that more questions do not help. */
const MOST_PROBES = 10;

export interface BrokerLinkOptions {
  readonly bus: Bus;
  /** This worker's control queue: it dies with its connection, and its absence tells the api of that. */
  readonly control: QueueAddress;
  /** How old the latest proof may be, milliseconds; `Infinity` where api and worker are one process. */
  readonly lostAfterMs: number;
  /** The link stood at `provenAt`, on the clock of `performance.now()`. */
  onProof(provenAt: number): void;
  /** There was no proof for too long: others may soon own what this worker runs. */
  onLost(): void;
  /** The first proof after that, or after {@link BrokerLink.giveUp}. */
  onRegained(): void;
  /** The queue is gone though the connection stands: the api has to be told that this worker is here. */
  onMissing(): void;
}

/**
 * Proves again and again that this worker's control queue is there, by a message through the broker to itself. Who
 * has a proof sent at a time t knows that nobody can have found the queue gone before t; so a silent network, a half
 * closed connection and a process that was frozen are told as surely as a connection that was reset.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #interval: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;
  /** Changes whenever the queue may have been away: what was asked before proves nothing then. */
  #era = {};
  /** Since the queue was away last the api has heard that this worker is here, so it counts from anew. */
  #registered = false;
  #lost = false;
  #probes = 0;
  #provenAt = Number.NEGATIVE_INFINITY;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  start(): void {
    this.#interval = setInterval(() => void this.#probe(), PROBE_EVERY_MS);
    this.#stopListening = this.#options.bus.onStateChange((state) => {
      if (state === 'disconnected') this.#doubt();
    });
  }

  close(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
    this.#stopListening?.();
  }

  /** The api has answered this worker's registration on the connection that stands now. */
  registered(): void {
    this.#registered = true;
    void this.#probe();
  }

  /** Counts as lost from now on, until the next registration and a proof after it. */
  giveUp(): void {
    clearTimeout(this.#deadline);
    this.#doubt();
    this.#lost = true;
  }

  #doubt(): void {
    this.#era = {};
    this.#registered = false;
  }

  async #probe(): Promise<void> {
    if (this.#probes >= MOST_PROBES) return;
    this.#probes += 1;
    const era = this.#era;
    const sentAt = performance.now();
    try {
      const options = { mandatory: true, persistent: false };
      await this.#options.bus.publish(this.#options.control, 'ping', { at: Date.now() }, options);
      if (era === this.#era && this.#registered) this.#prove(sentAt);
    } catch (error) {
      // Any other failure is the connection's, which tells of itself.
      if (error instanceof UnroutableError && era === this.#era && this.#registered) {
        this.#doubt();
        this.#options.onMissing();
      }
    } finally {
      this.#probes -= 1;
    }
  }

  #prove(sentAt: number): void {
    if (sentAt <= this.#provenAt) return;
    this.#provenAt = sentAt;
    this.#options.onProof(sentAt);
    this.#arm();
    if (!this.#lost) return;
    this.#lost = false;
    this.#options.onRegained();
  }

  #arm(): void {
    clearTimeout(this.#deadline);
    const { lostAfterMs } = this.#options;
    if (lostAfterMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = setTimeout(() => this.#expire(), this.#provenAt + lostAfterMs - performance.now());
  }

  /** A process that was held up for a moment first hears what came in meanwhile. */
  #expire(): void {
    const provenAt = this.#provenAt;
    setImmediate(() => {
      if (provenAt !== this.#provenAt || this.#lost) return;
      this.giveUp();
      this.#options.onLost();
    });
  }
}
