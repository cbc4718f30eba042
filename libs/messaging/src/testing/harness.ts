import type { Address, QueueAddress, QueueKind, TopicAddress } from '@flux/contracts';
import type { Bus, Handler, Outcome } from '../port.js';
import type { Inbox } from './inbox.js';

/** A message among the dead letters, as an operator would read it. */
export interface BuriedMessage {
  readonly type: string;
  readonly content: string;
  readonly reason: string;
  readonly queue: string;
}

/** A broker under test; its delivery limit is {@link DELIVERY_LIMIT}. */
export interface BusHarness {
  connect(): Promise<Bus>;
  /** Cuts the connection of a bus, as the death of its process would; the bus stays cut. */
  kill(bus: Bus): Promise<void>;
  /** Puts text into a queue as it is. */
  inject(queue: QueueAddress, type: string, content: string): Promise<void>;
  /** Resolves with the next dead letter and removes it. */
  nextDeadLetter(): Promise<BuriedMessage>;
  /** Closes the buses and whatever else the harness opened, and deletes `used`. */
  dispose(used: readonly Address[]): Promise<void>;
}

/** The delivery limit a harness sets up. */
export const DELIVERY_LIMIT = 2;

export const ACK: Outcome = { kind: 'ack' };

/** A bus that consumes a new queue, and what comes to it. */
interface Consumer {
  readonly bus: Bus;
  readonly address: QueueAddress;
  readonly inbox: Inbox;
}

/** The set-up that the parts of the contract share. */
export interface Context {
  harness(): BusHarness;
  /** Consumes with the handler that `handlerOf` makes of the inbox: one that acknowledges, unless given. */
  consumer(kind: QueueKind, handlerOf?: (inbox: Inbox) => Handler, prefetch?: number): Promise<Consumer>;
  queue(kind: QueueKind): QueueAddress;
  topic(): TopicAddress;
}
