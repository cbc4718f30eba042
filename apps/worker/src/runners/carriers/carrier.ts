import type { OwnershipClock } from '../../wire/ownership-clock.js';
import type { RunnerData, ToRunner } from '../../wire/protocol.js';

/** The process that a runner's code runs in, which can be ended whatever the code does. */
export interface Carrier {
  /** Sends messages in order; messages to a dead carrier are lost. */
  post(messages: readonly ToRunner[]): void;
  /** Asks where the code is, even if it keeps its event loop; the listener hears the answer. */
  ask(): void;
  /**
   * Ends the carrier, busy loops and native calls included; the listener is told of the death. Its code has a moment to
   * end by itself, and none where the kill is `urgent`. Idempotent.
   */
  kill(urgent: boolean): void;
}

/** The listener that a carrier tells what happens to it. */
export interface CarrierListener {
  /** Hears the messages of the code inside, in order. No message is checked yet: any of that code may have sent it. */
  onMessage(message: unknown): void;
  /** Hears the handle of the execution whose code was entered last. */
  onEntered(handle: number): void;
  /** Hears the handle of the execution whose input takes longer to be checked than it may. */
  onSlowCheck(handle: number): void;
  /** Hears that the carrier's own process is dead, and what it has started soon is. @returns what that waits for */
  onExit(): Promise<unknown> | undefined;
  /** Hears that no code of the carrier runs any more; `error` says why, where that is known. Called once. */
  onDeath(error: Error | undefined): void;
}

export interface CarrierParts {
  readonly data: RunnerData;
  /** Until when the worker owns what runs in the carrier; it never ends unless given. */
  readonly clock?: OwnershipClock | undefined;
  readonly listener: CarrierListener;
}

/** Starts a carrier, which does not tell of its death before the call has returned. */
export type OpenCarrier = (parts: CarrierParts) => Carrier;
