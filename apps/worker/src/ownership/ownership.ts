import { LINK_LOST_AFTER_MS } from '@flux/domain';
import type { Logger } from 'pino';
import { OwnershipClock } from '../wire/ownership-clock.js';
import { BrokerLink, type BrokerLinkOptions } from './broker-link.js';

export interface OwnershipOptions extends Pick<BrokerLinkOptions, 'bus' | 'control' | 'onMissing'> {
  /** Api and worker are one process: there is no link between them that could be lost. */
  readonly embedded: boolean;
  readonly log: Logger;
  /** Others may soon own this worker's executions, which have to stop before that. */
  onLost(): void;
  /** Executions that are claimed from now on are this worker's again. */
  onRegained(): void;
}

/**
 * The time until which this worker is sure to own its executions: as long as the link to the broker is proven and the
 * lease lasts. Ownership stays lost until the api knows of the loss and the link is proven anew.
 */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #clock = new OwnershipClock();
  /** The link to the broker, which proves the ownership. */
  readonly link: BrokerLink;
  #linkUntil = Number.POSITIVE_INFINITY;
  #leaseUntil = Number.POSITIVE_INFINITY;
  #cutOff = false;

  constructor(options: OwnershipOptions) {
    this.#options = options;
    const lostAfterMs = options.embedded ? Number.POSITIVE_INFINITY : LINK_LOST_AFTER_MS;
    this.link = new BrokerLink({
      bus: options.bus,
      control: options.control,
      lostAfterMs,
      onProof: (provenAt) => {
        this.#linkUntil = provenAt + lostAfterMs;
        this.#setClock();
      },
      onLost: () => this.lose(`no word from the broker for ${lostAfterMs} ms`),
      onRegained: () => this.#regain(),
      onMissing: () => options.onMissing(),
    });
  }

  /** The clock that runners are told too. */
  get clock(): OwnershipClock {
    return this.#clock;
  }

  /** An attempt that is granted now may be another worker's before it could be told to stop. */
  get isLost(): boolean {
    return this.#cutOff;
  }

  /** The api has renewed the lease until `until`, on the clock of `performance.now()`. */
  renewLease(until: number): void {
    this.#leaseUntil = until;
    this.#setClock();
  }

  /** Idempotent. */
  lose(reason: string): void {
    if (this.#cutOff) return;
    this.#options.log.error(`${reason}: everything here is stopped`);
    this.#cutOff = true;
    this.#clock.end();
    this.link.giveUp();
    this.#options.onLost();
  }

  #regain(): void {
    this.#options.log.info('the api answers again');
    this.#cutOff = false;
    this.#setClock();
    this.#options.onRegained();
  }

  #setClock(): void {
    if (!this.#cutOff) this.#clock.set(Math.min(this.#linkUntil, this.#leaseUntil) - performance.now());
  }
}
