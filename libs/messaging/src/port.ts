import type { Address, QueueAddress } from '@flux/contracts';

/** What arrives at a handler. */
export interface Delivery {
  /** The message's type, by which handlers are chosen. */
  readonly type: string;
  /** The parsed JSON body; its schema is the receiver's business. */
  readonly body: unknown;
  /** True when an earlier consumer may have seen this message. */
  readonly redelivered: boolean;
}

/**
 * What a handler decides about its delivery; only the adapter settles it.
 * `reply` is sent to the asker of a request, and ignored otherwise.
 */
export type Outcome =
  | { readonly kind: 'ack'; readonly reply?: unknown }
  /** Back to the queue after `delayMs` (milliseconds, default 0); past the delivery limit: dead letters. */
  | { readonly kind: 'retry'; readonly delayMs?: number }
  /** To the dead letters, whole, with the reason. */
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
  /** Milliseconds until {@link RequestTimeoutError}; the request also expires from the queue then. */
  readonly timeoutMs: number;
}

export type ConnectionState = 'connected' | 'disconnected';

/**
 * The message bus. One instance is one connection; it reconnects for ever and declares its topology anew.
 * Messages are JSON. Order is kept from one `publish` call to the next on one bus and one queue.
 */
export interface Bus {
  /**
   * Resolves once the broker has taken responsibility for the message (publisher confirm).
   * @throws UnroutableError when `mandatory` and no queue took it
   * @throws BusUnavailableError when the connection is down or was lost before the confirm; the message may
   *   or may not have arrived, so publish again and let the receiver drop duplicates
   */
  publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void>;
  /**
   * Sends a request and resolves with the `reply` of the outcome of whoever handled it.
   * @throws RequestTimeoutError · BusUnavailableError · UnroutableError (no such queue)
   */
  request(address: QueueAddress, type: string, body: unknown, options: RequestOptions): Promise<unknown>;
  /** Declares the address if need be and calls `handler` for each delivery, up to `prefetch` at a time. */
  subscribe(address: Address, handler: Handler, options: SubscribeOptions): Promise<Subscription>;
  /** Declares a queue without consuming it. Idempotent, remembered and repeated after a reconnect. */
  declare(address: Address): Promise<void>;
  readonly state: ConnectionState;
  /** Calls `listener` at every change of `state`; returns how to stop listening. */
  onStateChange(listener: (state: ConnectionState) => void): () => void;
  /** Ends subscriptions, waits for handlers under way to settle, then closes the connection. Idempotent. */
  close(): Promise<void>;
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

/** The broker is there and does not let us in: trying again would not help. */
export class BusRefusedError extends Error {
  readonly code = 'INVALID_SETTINGS';
  readonly hint = 'Correct the user and the password in FLUX_AMQP_URL.';
  override readonly name = 'BusRefusedError';
}

export class RequestTimeoutError extends Error {
  readonly code = 'REQUEST_TIMEOUT';
  override readonly name = 'RequestTimeoutError';
  constructor(address: string, timeoutMs: number) {
    super(`no reply from ${address} within ${timeoutMs} ms`);
  }
}
