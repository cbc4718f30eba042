import type { RunnerData, ToRunner } from '../runner/protocol.js';

/** What a runner's code runs in: something that can be ended whatever the code does. */
export interface Carrier {
  /** In order; what a dead one is sent is lost. */
  post(messages: readonly ToRunner[]): void;
  /**
   * Ends it, busy loops included; the listener is told of its death. A kind that gives what it carries a moment to end by
   * itself does not where it is `urgent`. Idempotent.
   */
  kill(urgent: boolean): void;
}

/** What a carrier tells. */
export interface CarrierListener {
  /** What the code inside says, in order; whose code, and so what it is, is not known yet. */
  onMessage(message: unknown): void;
  /** Nothing of it runs any more; `error` says why, where that is known. Called once. */
  onDeath(error: Error | undefined): void;
}

/** Starts one. It does not tell of its death before this has returned. */
export type OpenCarrier = (data: RunnerData, listener: CarrierListener) => Carrier;
