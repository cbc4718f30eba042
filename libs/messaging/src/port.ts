import { MESSAGE_LIMIT_BYTES, type Address, type QueueAddress } from '@flux/contracts';

/** A message as it arrives at a handler. */
export interface Delivery {
  /** The message's type, by which handlers are chosen. */
  readonly type: string;
  /** The parsed JSON body; its schema is the receiver's business. */
  readonly body: unknown;
  /** True when an earlier consumer may have seen this message. */
  readonly redelivered: boolean;
}

/**
 * The decision of a handler about its delivery; only the adapter settles it. `reply` is sent to the asker of a
 * request, and ignored otherwise.
 */
export type Outcome =
  | { readonly kind: 'ack'; readonly reply?: unknown }
  /** Back to the queue after `delayMs` (milliseconds, default 0); past the delivery limit: dead letters. */
  | { readonly kind: 'retry'; readonly delayMs?: number }
  /** Sends the message to the dead letters, whole, with the reason. */
  | { readonly kind: 'dead-letter'; readonly reason: string };

/** A handler that throws has asked for `retry` with the adapter's default delay. */
export type Handler = (delivery: Delivery) => Promise<Outcome>;

export interface SubscribeOptions {
  /** Most deliveries handed out and not yet settled, ≥ 1. */
  readonly prefetch: number;
}

export interface Subscription {
  /** Stops new deliveries; those handed out stay the handler's to settle. Idempotent. */
  pause(): Promise<void>;
  /** Takes deliveries again. Idempotent. */
  resume(): Promise<void>;
  /** Ends the subscription for good; an exclusive queue is deleted. Idempotent. */
  close(): Promise<void>;
}

export interface PublishOptions {
  /** Reject with {@link UnroutableError} when no queue takes the message. Default false. */
  readonly mandatory?: boolean;
  /** Survive a broker restart. Default true. */
  readonly persistent?: boolean;
}

export interface RequestOptions {
  /**
   * Milliseconds until {@link RequestTimeoutError}, counted anew from each part of a reply; the request also expires
   * from the queue then.
   */
  readonly timeoutMs: number;
}

/**
 * - `partial`: commands and signs of life get through, and what carries data waits for its connection.
 * - `blocked`: the broker has raised an alarm (its memory or its disk is full) and takes nothing from anybody.
 */
export type ConnectionState = 'connected' | 'partial' | 'blocked' | 'disconnected';

/**
 * The message bus. It reconnects for ever and declares its topology anew. Messages are JSON of at most
 * {@link MESSAGE_LIMIT_BYTES}; replies, and what is published to a topic, may be larger, since the bus cuts them into
 * messages of that size. Order is kept from one `publish` call to the next on one bus and one queue.
 */
export interface Bus {
  /**
   * Resolves once the broker has taken responsibility for the message (publisher confirm).
   * @throws UnroutableError when `mandatory` and no queue took it · MessageTooLargeError
   * @throws BusUnavailableError when the connection is down or was lost before the confirm; the message may
   *   or may not have arrived, so publish again and let the receiver drop duplicates
   */
  publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void>;
  /**
   * Sends a request and resolves with the `reply` of the outcome of whoever handled it.
   * @throws RequestTimeoutError · BusUnavailableError · UnroutableError (no such queue) · MessageTooLargeError
   */
  request(address: QueueAddress, type: string, body: unknown, options: RequestOptions): Promise<unknown>;
  /** Declares the address if need be and calls `handler` for each delivery, up to `prefetch` at a time. */
  subscribe(address: Address, handler: Handler, options: SubscribeOptions): Promise<Subscription>;
  /** Declares a queue without consuming it. Idempotent, remembered and repeated after a reconnect. */
  declare(address: Address): Promise<void>;
  readonly state: ConnectionState;
  /** Calls `listener` at every change of `state`; returns how to stop listening. */
  onStateChange(listener: (state: ConnectionState) => void): () => void;
  /**
   * Calls `listener` whenever a broker that blocks shows that it is there and still blocks, every few seconds; returns
   * how to stop listening.
   */
  onStillBlocked(listener: () => void): () => void;
  /** Ends subscriptions, waits for handlers under way to settle, then closes the connection. Idempotent. */
  close(): Promise<void>;
}

/** A body that is JSON text already. */
export class JsonText {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

export class UnroutableError extends Error {
  readonly code = 'UNROUTABLE';
  override readonly name = 'UnroutableError';
  constructor(readonly address: string) {
    super(`no queue took the message for ${address}`);
  }
}

export class BusUnavailableError extends Error {
  readonly code = 'BUS_UNAVAILABLE';
  override readonly name = 'BusUnavailableError';
}

/** The message is larger than any may be: whoever made it has to cut it. */
export class MessageTooLargeError extends Error {
  readonly code = 'MESSAGE_TOO_LARGE';
  override readonly name = 'MessageTooLargeError';
  constructor(type: string, bytes: number) {
    super(`a message of type ${type} has ${bytes} bytes, more than ${MESSAGE_LIMIT_BYTES}`);
  }
}

/** The broker is there and does not let us in, or is not to be trusted: trying again would not help. */
export class BusRefusedError extends Error {
  readonly code = 'INVALID_SETTINGS';
  override readonly name = 'BusRefusedError';
  constructor(
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export class RequestTimeoutError extends Error {
  readonly code = 'REQUEST_TIMEOUT';
  override readonly name = 'RequestTimeoutError';
  constructor(address: string, timeoutMs: number) {
    super(`no reply from ${address} within ${timeoutMs} ms`);
  }
}
