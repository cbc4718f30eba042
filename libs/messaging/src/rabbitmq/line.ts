import { randomUUID } from 'node:crypto';
import type { Address, QueueAddress } from '@flux/contracts';
import type { ChannelModel } from 'amqplib';
import { BusBase } from '../bus-base.js';
import { describeError, encodeAny, encodeBody } from '../delivery-policy.js';
import {
  BusUnavailableError,
  type Bus,
  type Handler,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
} from '../port.js';
import { Connector } from './connector.js';
import { Declarer } from './declarations.js';
import { partsOf } from './parts.js';
import type { RabbitMqSettings } from './options.js';
import { Publisher, type Parcel } from './publisher.js';
import { RabbitMqSubscription } from './rabbitmq-subscription.js';
import { Requester } from './requester.js';
import { Settler } from './settler.js';
import { SharedChannels } from './shared-channels.js';

/** One connection to RabbitMQ. Declarations and subscriptions are there again after each reconnect. */
export class Line extends BusBase implements Bus {
  readonly #settings: RabbitMqSettings;
  readonly #connector: Connector;
  readonly #publisher: Publisher;
  readonly #requester: Requester;
  readonly #stillBlocked = new Set<() => void>();
  readonly #declarer: Declarer;
  readonly #shared = new SharedChannels();
  readonly #declared = new Map<string, Address>();
  readonly #subscriptions = new Set<RabbitMqSubscription>();
  /** Topics whose exchange is known to be there, and those being declared, on the present connection. */
  readonly #topics = new Map<string, Promise<void>>();
  readonly #idPrefix = `${randomUUID()}-`;
  #lastId = 0;
  #model: ChannelModel | undefined;
  #ending: Promise<unknown> | undefined;

  constructor(settings: RabbitMqSettings) {
    super('disconnected');
    this.#settings = settings;
    this.#declarer = new Declarer(settings);
    this.#publisher = new Publisher(settings.log, () => this.#topics.clear());
    this.#requester = new Requester(settings.log);
    this.#declared.set(settings.deadLetters.name, settings.deadLetters);
    this.#connector = new Connector(settings, {
      up: (model) => this.#onUp(model),
      down: () => this.#onDown(),
      blocked: (isBlocked) => {
        this.become(isBlocked ? 'blocked' : 'connected');
        this.#onHeard();
      },
      heard: () => this.#onHeard(),
    });
  }

  start(): Promise<void> {
    return this.#connector.start();
  }

  onStillBlocked(listener: () => void): () => void {
    this.#stillBlocked.add(listener);
    return () => this.#stillBlocked.delete(listener);
  }

  async publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void> {
    if (address.kind === 'topic') return this.#publishToAll(address, type, body, options);
    const content = Buffer.from(encodeBody(type, body));
    const properties = this.#properties(type, options);
    const mandatory = options?.mandatory ?? false;
    await this.#publisher.publish({ exchange: '', routingKey: address.name, content, properties, mandatory });
  }

  async request(
    address: QueueAddress,
    type: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<unknown> {
    const content = Buffer.from(encodeBody(type, body));
    return this.#requester.request(this.#nextId(), address.name, type, content, options.timeoutMs);
  }

  async subscribe(address: Address, handler: Handler, { prefetch }: SubscribeOptions): Promise<Subscription> {
    this.#assertOpen();
    const publisher = this.#publisher;
    const settler = new Settler({ address, handler, publisher, settings: this.#settings });
    const subscription: RabbitMqSubscription = new RabbitMqSubscription(
      {
        address,
        prefetch,
        shared: this.#shared,
        declarer: this.#declarer,
        handle: (channel, queue, message) => settler.handle(channel, queue, message),
        lost: () => settler.lost(),
        ending: () => settler.end(),
        closed: () => this.#subscriptions.delete(subscription),
      },
      this.#settings,
    );
    this.#subscriptions.add(subscription);
    await this.#now(
      (model) => subscription.open(model),
      () => this.#subscriptions.delete(subscription),
    );
    return subscription;
  }

  async declare(address: Address): Promise<void> {
    this.#assertOpen();
    if (this.#declared.has(address.name)) return;
    this.#declared.set(address.name, address);
    await this.#now(
      (model) => this.#declarer.declare(model, address),
      () => this.#declared.delete(address.name),
    );
  }

  /** Ends the subscriptions and waits for their handlers; what those publish still goes out. Idempotent. */
  endSubscriptions(): Promise<unknown> {
    this.#ending ??= Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    return this.#ending;
  }

  protected async end(): Promise<void> {
    await this.endSubscriptions();
    await this.#connector.stop();
  }

  /** Does at once what each new connection will do again, and forgets it if the broker refuses. */
  async #now(work: (model: ChannelModel) => Promise<void>, forget: () => void): Promise<void> {
    const model = this.#model;
    if (!model) return;
    try {
      await work(model);
    } catch (error) {
      // A connection lost meanwhile is no refusal.
      if (this.#model !== model) return;
      forget();
      throw error;
    }
  }

  #onHeard(): void {
    if (this.state === 'blocked') for (const tell of this.#stillBlocked) tell();
  }

  async #onUp(model: ChannelModel): Promise<void> {
    this.#model = model;
    await Promise.all([...this.#declared.values()].map((address) => this.#redeclare(model, address)));
    await Promise.all([
      this.#publisher.kept.keep(model),
      this.#requester.kept.keep(model),
      ...[...this.#subscriptions].map((subscription) => subscription.keep(model)),
    ]);
    if (this.#model === model) this.become('connected');
  }

  #onDown(): void {
    this.#model = undefined;
    this.#publisher.kept.detach();
    this.#requester.kept.detach();
    for (const subscription of this.#subscriptions) subscription.detach();
    this.become('disconnected');
  }

  async #redeclare(model: ChannelModel, address: Address): Promise<void> {
    try {
      await this.#declarer.declare(model, address);
    } catch (error) {
      this.#settings.log.warn(`cannot declare ${address.name}: ${describeError(error)}`);
    }
  }

  /** A publish to an exchange that is missing would close the channel of all publishes. */
  async #topic(address: Address): Promise<void> {
    const model = this.#model;
    if (!model) throw new BusUnavailableError('the connection to RabbitMQ is down');
    let ready = this.#topics.get(address.name);
    if (!ready) {
      ready = this.#declarer.declare(model, address);
      this.#topics.set(address.name, ready);
      ready.catch(() => this.#topics.delete(address.name));
    }
    try {
      await ready;
    } catch (error) {
      throw new BusUnavailableError(`cannot declare ${address.name}: ${describeError(error)}`);
    }
  }

  /** The next part waits until the broker has the part before: nothing else stands behind more than one. */
  async #publishToAll(
    topic: Address,
    type: string,
    body: unknown,
    options: PublishOptions | undefined,
  ): Promise<void> {
    const whole = Buffer.from(encodeAny(body));
    await this.#topic(topic);
    const correlationId = this.#nextId();
    for (const { content, headers } of partsOf(whole)) {
      const properties = { ...this.#properties(type, options), correlationId, headers };
      const mandatory = options?.mandatory ?? false;
      await this.#publisher.publish({ exchange: topic.name, routingKey: '', content, properties, mandatory });
    }
  }

  #properties(type: string, options: PublishOptions | undefined): Parcel['properties'] {
    return {
      type,
      messageId: this.#nextId(),
      contentType: 'application/json',
      persistent: options?.persistent ?? true,
    };
  }

  #nextId(): string {
    this.#lastId += 1;
    return this.#idPrefix + this.#lastId;
  }

  #assertOpen(): void {
    if (this.#ending) throw new BusUnavailableError('the bus is closed');
  }
}
