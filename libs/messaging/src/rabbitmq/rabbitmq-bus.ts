import { randomUUID } from 'node:crypto';
import type { Address, QueueAddress } from '@flux/contracts';
import type { ChannelModel } from 'amqplib';
import { describeError, encodeBody } from '../delivery-policy.js';
import {
  BusUnavailableError,
  type Bus,
  type ConnectionState,
  type Handler,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
} from '../port.js';
import { StateSignal } from '../state-signal.js';
import { Connector } from './connector.js';
import { declareAlone } from './declarations.js';
import { resolveOptions, type RabbitMqOptions, type RabbitMqSettings } from './options.js';
import { Publisher } from './publisher.js';
import { RabbitMqSubscription } from './rabbitmq-subscription.js';
import { Requester } from './requester.js';
import { Settler } from './settler.js';

/** One connection to RabbitMQ: what was declared and subscribed is there again after each reconnect. */
class RabbitMqBus implements Bus {
  readonly #settings: RabbitMqSettings;
  readonly #connector: Connector;
  readonly #state = new StateSignal('disconnected');
  readonly #publisher: Publisher;
  readonly #requester: Requester;
  readonly #declared = new Map<string, Address>();
  readonly #subscriptions = new Set<RabbitMqSubscription>();
  /** Topics whose exchange is known to be there, and those being declared, on the present connection. */
  readonly #topics = new Map<string, Promise<void>>();
  readonly #idPrefix = `${randomUUID()}-`;
  #lastId = 0;
  #model: ChannelModel | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: RabbitMqSettings) {
    this.#settings = settings;
    this.#publisher = new Publisher(settings.log, () => this.#topics.clear());
    this.#requester = new Requester(settings.log);
    this.#declared.set(settings.deadLetters.name, settings.deadLetters);
    this.#connector = new Connector(settings, {
      up: (model) => this.#onUp(model),
      down: () => this.#onDown(),
    });
  }

  start(): Promise<void> {
    return this.#connector.start();
  }

  get state(): ConnectionState {
    return this.#state.current;
  }

  onStateChange(listener: (state: ConnectionState) => void): () => void {
    return this.#state.listen(listener);
  }

  async publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void> {
    const content = Buffer.from(encodeBody(body));
    const isTopic = address.kind === 'topic';
    if (isTopic) await this.#topic(address);
    await this.#publisher.publish({
      exchange: isTopic ? address.name : '',
      routingKey: isTopic ? '' : address.name,
      content,
      properties: {
        type,
        messageId: this.#nextId(),
        contentType: 'application/json',
        persistent: options?.persistent ?? true,
      },
      mandatory: options?.mandatory ?? false,
    });
  }

  async request(
    address: QueueAddress,
    type: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<unknown> {
    const content = Buffer.from(encodeBody(body));
    return this.#requester.request(this.#nextId(), address.name, type, content, options.timeoutMs);
  }

  async subscribe(address: Address, handler: Handler, { prefetch }: SubscribeOptions): Promise<Subscription> {
    this.#assertOpen();
    const settler = new Settler(address, handler, this.#publisher, this.#settings);
    const subscription: RabbitMqSubscription = new RabbitMqSubscription(
      {
        address,
        prefetch,
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
      (model) => declareAlone(model, address, this.#settings),
      () => this.#declared.delete(address.name),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
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

  async #onUp(model: ChannelModel): Promise<void> {
    this.#model = model;
    await Promise.all([...this.#declared.values()].map((address) => this.#redeclare(model, address)));
    await Promise.all([
      this.#publisher.keep(model),
      this.#requester.keep(model),
      ...[...this.#subscriptions].map((subscription) => subscription.keep(model)),
    ]);
    if (this.#model === model) this.#state.set('connected');
  }

  #onDown(): void {
    this.#model = undefined;
    this.#publisher.detach();
    this.#requester.detach();
    for (const subscription of this.#subscriptions) subscription.detach();
    this.#state.set('disconnected');
  }

  async #redeclare(model: ChannelModel, address: Address): Promise<void> {
    try {
      await declareAlone(model, address, this.#settings);
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
      ready = declareAlone(model, address, this.#settings);
      this.#topics.set(address.name, ready);
      ready.catch(() => this.#topics.delete(address.name));
    }
    try {
      await ready;
    } catch (error) {
      throw new BusUnavailableError(`cannot declare ${address.name}: ${describeError(error)}`);
    }
  }

  #nextId(): string {
    this.#lastId += 1;
    return this.#idPrefix + this.#lastId;
  }

  #assertOpen(): void {
    if (this.#closing) throw new BusUnavailableError('the bus is closed');
  }
}

/**
 * Connects to RabbitMQ. A broker that cannot be reached is tried for ever: the bus is then
 * `disconnected`, remembers what is declared and subscribed, and refuses to publish.
 * @throws TypeError for a url that is not one of AMQP
 * @throws BusRefusedError when the broker refuses the credentials
 */
export async function connectRabbitMq(options: RabbitMqOptions): Promise<Bus> {
  const bus = new RabbitMqBus(resolveOptions(options));
  await bus.start();
  return bus;
}
