import type { Address, QueueAddress } from '@flux/contracts';
import { LongTimer } from '@flux/domain';
import { BusBase } from '../bus-base.js';
import { encodeAny, encodeBody } from '../delivery-policy.js';
import {
  BusUnavailableError,
  RequestTimeoutError,
  UnroutableError,
  type Bus,
  type Handler,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
} from '../port.js';
import type { MemoryQueue } from './memory-queue.js';
import type { MemoryRouter } from './memory-router.js';
import { MemorySubscription } from './memory-subscription.js';

/** A connection to the memory broker. */
export class MemoryBus extends BusBase implements Bus {
  readonly #router: MemoryRouter;
  readonly #subscriptions = new Set<MemorySubscription>();
  readonly #exclusive = new Set<MemoryQueue>();
  readonly #asked = new Set<(error: BusUnavailableError) => void>();

  constructor(router: MemoryRouter) {
    super('connected');
    this.#router = router;
  }

  /** A memory bus never blocks. */
  readonly onStillBlocked: Bus['onStillBlocked'] = () => () => undefined;

  async publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void> {
    this.#assertConnected();
    const routed = this.#router.route(address, {
      type,
      content: address.kind === 'topic' ? encodeAny(body) : encodeBody(type, body),
      expiresAt: Infinity,
    });
    if (!routed && options?.mandatory) throw new UnroutableError(address.name);
  }

  async request(
    address: QueueAddress,
    type: string,
    body: unknown,
    { timeoutMs }: RequestOptions,
  ): Promise<unknown> {
    this.#assertConnected();
    const content = encodeBody(type, body);
    const expiresAt = performance.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer.clear();
        this.#asked.delete(fail);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const reply = (text: string): void => {
        settle();
        resolve(JSON.parse(text));
      };
      const timer = new LongTimer(timeoutMs, () => fail(new RequestTimeoutError(address.name, timeoutMs)));
      this.#asked.add(fail);
      if (!this.#router.route(address, { type, content, expiresAt, reply })) {
        fail(new UnroutableError(address.name));
      }
    });
  }

  async subscribe(address: Address, handler: Handler, options: SubscribeOptions): Promise<Subscription> {
    this.#assertConnected();
    const queue = this.#open(address);
    const subscription: MemorySubscription = new MemorySubscription({
      router: this.#router,
      queue,
      handler,
      prefetch: options.prefetch,
      onClosed: () => {
        this.#subscriptions.delete(subscription);
        if (address.kind === 'topic') this.#router.unbind(address.name, queue);
        if (queue.owner) this.#drop(queue);
      },
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async declare(address: Address): Promise<void> {
    this.#assertConnected();
    if (address.kind !== 'topic') this.#declareQueue(address);
  }

  /** Loses the connection for good, as if the process behind it had died. */
  kill(): void {
    for (const subscription of [...this.#subscriptions]) subscription.abandon();
    this.#disconnect();
  }

  protected async end(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.#disconnect();
  }

  #disconnect(): void {
    for (const queue of [...this.#exclusive]) this.#drop(queue);
    this.become('disconnected');
    for (const fail of [...this.#asked]) fail(new BusUnavailableError('the connection was closed'));
  }

  #open(address: Address): MemoryQueue {
    if (address.kind !== 'topic') return this.#declareQueue(address);
    const queue = this.#declareQueue({ kind: 'exclusive', name: `${address.name}#${this.#router.nextId()}` });
    this.#router.bind(address.name, queue);
    return queue;
  }

  #declareQueue(address: QueueAddress): MemoryQueue {
    const queue = this.#router.declareQueue(address, this);
    if (queue.owner) this.#exclusive.add(queue);
    return queue;
  }

  #drop(queue: MemoryQueue): void {
    this.#exclusive.delete(queue);
    this.#router.deleteQueue(queue);
  }

  #assertConnected(): void {
    if (this.state === 'disconnected') throw new BusUnavailableError('the connection is closed');
  }
}
