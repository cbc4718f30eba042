import type { QueueAddress } from '@flux/contracts';
import { ALARM, LongTimer } from '@flux/domain';
import { UnroutableError, type Bus } from '@flux/messaging';

const PROBE_EVERY_MS = 150;
/** The number of questions beyond which answers come so late that more questions do not help. */
const MOST_PROBES = 10;

export interface BrokerLinkOptions {
  readonly bus: Bus;
  /** The control queue of this worker, which dies with the worker's connection; its absence tells the api of that. */
  readonly control: QueueAddress;
  /** How old the latest proof may be, milliseconds; `Infinity` where api and worker are one process. */
  readonly lostAfterMs: number;
  /** The link stood at `provenAt`, on the clock of `performance.now()`. */
  onProof(provenAt: number): void;
  /** There was no proof for too long: others may soon own this worker's executions. */
  onLost(): void;
  /** The first proof after that, or after {@link BrokerLink.giveUp}. */
  onRegained(): void;
  /** The queue is gone though the connection stands: the api has to be told that this worker is here. */
  onMissing(): void;
}

/**
 * Proves again and again that this worker's control queue is there, by a message through the broker to itself. A
 * proof that was sent at a time t says that nobody can have found the queue gone before t. So a silent network, a
 * half closed connection and a process that was frozen are told as surely as a connection that was reset.
 */
export class BrokerLink {
  readonly #options: BrokerLinkOptions;
  #interval: NodeJS.Timeout | undefined;
  #deadline: LongTimer | undefined;
  #stopListening: Array<() => void> = [];
  /** The era changes whenever the queue may have been away: a proof that was asked for before proves nothing then. */
  #era = {};
  /** Whether the api has heard that this worker is here since the queue was away last: proofs count again then. */
  #registered = false;
  #lost = false;
  #probes = 0;
  #provenAt = Number.NEGATIVE_INFINITY;

  constructor(options: BrokerLinkOptions) {
    this.#options = options;
  }

  watch(): void {
    this.#interval = setInterval(() => void this.#probe(), PROBE_EVERY_MS);
    const { bus } = this.#options;
    this.#stopListening = [
      bus.onStateChange((state) => {
        if (state !== 'blocked') this.#blockIsOver();
        if (state === 'disconnected') this.#doubt();
      }),
      bus.onStillBlocked(() => this.#stillBlocked()),
    ];
  }

  close(): void {
    clearInterval(this.#interval);
    this.#deadline?.clear();
    for (const stop of this.#stopListening) stop();
  }

  /** The api has answered this worker's registration on the connection that stands now. */
  registered(): void {
    this.#registered = true;
    void this.#probe();
  }

  /** Counts as lost from now on, until the next registration and a proof after it. */
  giveUp(): void {
    this.#deadline?.clear();
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

  /** A broker that blocks lets nobody's messages through: no proof can come, and nobody can find the queue gone. */
  #stillBlocked(): void {
    const { lostAfterMs } = this.#options;
    if (this.#registered) this.#prove(performance.now() + ALARM.proofMs - lostAfterMs);
  }

  #blockIsOver(): void {
    if (this.#provenAt > performance.now()) this.#setProof(performance.now());
  }

  #prove(sentAt: number): void {
    if (sentAt <= this.#provenAt) return;
    this.#setProof(sentAt);
    if (!this.#lost) return;
    this.#lost = false;
    this.#options.onRegained();
  }

  #setProof(provenAt: number): void {
    this.#provenAt = provenAt;
    this.#options.onProof(provenAt);
    this.#arm();
  }

  #arm(): void {
    this.#deadline?.clear();
    const { lostAfterMs } = this.#options;
    if (lostAfterMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = new LongTimer(this.#provenAt + lostAfterMs - performance.now(), () => this.#expire());
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
