import type { Address } from '@flux/contracts';
import {
  BaseRpcContext,
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
} from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus, ConnectionState, Delivery, Outcome, Subscription } from './port.js';

/** Injection token of the process's {@link Bus}. */
export const BUS = Symbol('BUS');

/** A body as its schema sees it. */
export type ParsedBody =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

export interface BusServerOptions {
  /** Stays the caller's to close. */
  readonly bus: Bus;
  /** Consumed from `listen` on. */
  readonly subscriptions: ReadonlyArray<{ readonly address: Address; readonly prefetch: number }>;
  /** Checks a body before any handler sees it; what fails goes to the dead letters. */
  readonly parse: (type: string, body: unknown) => ParsedBody;
}

type Events = { state: (state: ConnectionState) => void };

/** The context that `@Ctx()` gives a handler. */
export class BusContext extends BaseRpcContext<[Delivery]> {
  get delivery(): Delivery {
    return this.args[0];
  }
}

const ACK: Outcome = { kind: 'ack' };

/**
 * Binds a NestJS application to a {@link Bus}: each delivery goes to the one handler of its type.
 *
 * - `@EventPattern(type)` returns an {@link Outcome}; nothing means `ack`.
 * - `@MessagePattern(type)` returns the reply.
 * - Either may throw, which means `retry`; a request is then tried again until it expires.
 */
export class BusServer extends Server<Events, ConnectionState> implements CustomTransportStrategy {
  /** Errors become retries here, so Nest must not swallow them. */
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: BusServerOptions;
  readonly #subscriptions = new Set<Subscription>();
  #stopWatching: (() => void) | undefined;

  constructor(options: BusServerOptions) {
    super();
    this.#options = options;
  }

  /** @throws Error on a second handler of one type: only one of them could decide the outcome */
  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    if (typeof pattern !== 'string') throw new Error('the pattern of a bus handler is a message type');
    if (this.messageHandlers.has(pattern)) throw new Error(`two handlers for messages of type ${pattern}`);
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    const { bus, subscriptions } = this.#options;
    this._status$.next(bus.state);
    this.#stopWatching = bus.onStateChange((state) => this._status$.next(state));
    try {
      await Promise.all(
        subscriptions.map(({ address, prefetch }) => this.addSubscription(address, prefetch)),
      );
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Consumes an address that was not known at the start. Ends with the server, if not before. */
  async addSubscription(address: Address, prefetch: number): Promise<Subscription> {
    const inner = await this.#options.bus.subscribe(address, (delivery) => this.#dispatch(delivery), {
      prefetch,
    });
    const subscription: Subscription = {
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      close: () => {
        this.#subscriptions.delete(subscription);
        return inner.close();
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Ends all subscriptions and waits for their handlers. */
  async close(): Promise<void> {
    this.#stopWatching?.();
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
  }

  on<E extends keyof Events>(_event: E, callback: Events[E]): void {
    this.#options.bus.onStateChange(callback);
  }

  /** The {@link Bus}. */
  unwrap<T>(): T {
    return this.#options.bus as T;
  }

  async #dispatch(delivery: Delivery): Promise<Outcome> {
    const { type, body } = delivery;
    const handler = this.messageHandlers.get(type);
    if (!handler) return { kind: 'dead-letter', reason: `no handler for messages of type ${type}` };
    const parsed = this.#options.parse(type, body);
    if (!parsed.ok) return { kind: 'dead-letter', reason: parsed.reason };
    const returned: unknown = await handler(parsed.value, new BusContext([delivery]));
    const result = isObservable(returned)
      ? await lastValueFrom(returned, { defaultValue: undefined })
      : returned;
    if (!handler.isEventHandler) return { kind: 'ack', reply: result };
    if (result === undefined || result === null) return ACK;
    if (isOutcome(result)) return result;
    throw new TypeError(`the handler of ${type} returned neither an outcome nor nothing`);
  }
}

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return value.kind === 'ack' || value.kind === 'retry' || value.kind === 'dead-letter';
}
