import type { RunnerData, ToRunner } from '../../wire/protocol.js';

/** The thread or process that a runner's code runs in, which can be ended whatever the code does. */
export interface Carrier {
  /** Sends messages in order; messages to a dead carrier are lost. */
  post(messages: readonly ToRunner[]): void;
  /**
   * Ends the carrier, busy loops included; the listener is told of the death. A kind that gives its code a moment to
   * end by itself gives none where the kill is `urgent`. Idempotent.
   */
  kill(urgent: boolean): void;
}

/** The listener that a carrier tells what happens to it. */
export interface CarrierListener {
  /** Hears the messages of the code inside, in order. No message is checked yet: any of that code may have sent it. */
  onMessage(message: unknown): void;
  /** Hears that no code of the carrier runs any more; `error` says why, where that is known. Called once. */
  onDeath(error: Error | undefined): void;
}

/** Bytes as Node's limits of memory count them. */
export const megabytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);

/** Starts a carrier, which does not tell of its death before the call has returned. */
export type OpenCarrier = (data: RunnerData, listener: CarrierListener) => Carrier;
