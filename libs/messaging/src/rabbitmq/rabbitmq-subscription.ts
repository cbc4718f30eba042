import { randomUUID } from 'node:crypto';
import type { Address, QueueAddress } from '@flux/contracts';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { InFlight } from '../in-flight.js';
import type { Subscription } from '../port.js';
import { declareQueue, declareTopic, type Declarer } from './declarations.js';
import { KeptChannel } from './kept-channel.js';
import type { RabbitMqSettings } from './options.js';
import type { SharedChannels } from './shared-channels.js';

export interface ConsumerOptions {
  readonly address: Address;
  readonly prefetch: number;
  /** The channels that consumers of run queues share: there are more such queues than a connection has channels. */
  readonly shared: SharedChannels;
  readonly declarer: Declarer;
  /** Handles one delivery and settles it on its channel; never rejects. */
  readonly handle: (channel: Channel, queue: string, message: ConsumeMessage) => Promise<void>;
  /** The channel is gone: what was unsettled on it comes again. */
  readonly lost: () => void;
  /** No more deliveries will come. */
  readonly ending: () => void;
  readonly closed: () => void;
}

/** A consumer on a channel of its own, so that a channel error stays with it; those of run queues share channels. */
export class RabbitMqSubscription implements Subscription {
  readonly #options: ConsumerOptions;
  readonly #settings: RabbitMqSettings;
  readonly #kept: KeptChannel<Channel>;
  readonly #handlers = new InFlight();
  /** The private queue of a topic subscription lives as long as its connection. */
  #private: { readonly model: ChannelModel; readonly queue: QueueAddress } | undefined;
  #queue = '';
  #tag: string | undefined;
  #paused = false;
  #turn: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: ConsumerOptions, settings: RabbitMqSettings) {
    this.#options = options;
    this.#settings = settings;
    this.#kept = new KeptChannel({
      name: `consumer of ${options.address.name}`,
      log: settings.log,
      create: (model) =>
        this.#shares ? options.shared.take(model, options.prefetch) : model.createChannel(),
      ...(this.#shares ? { close: (channel: Channel) => options.shared.give(channel) } : {}),
      prepare: (channel, model) => this.#prepare(channel, model),
      opened: () => this.#sync(),
      lost: () => {
        this.#tag = undefined;
        options.lost();
      },
    });
  }

  /** Takes up its work; rejects when the broker refuses, and is then of no further use. */
  open(model: ChannelModel): Promise<void> {
    return this.#kept.open(model);
  }

  /** Takes up its work on a new connection, however often that takes. */
  async keep(model: ChannelModel): Promise<void> {
    if (!this.#closing) await this.#kept.keep(model);
  }

  detach(): void {
    this.#kept.detach();
  }

  async pause(): Promise<void> {
    if (this.#closing) return;
    this.#paused = true;
    await this.#syncIfPossible();
  }

  async resume(): Promise<void> {
    if (this.#closing) return;
    this.#paused = false;
    await this.#syncIfPossible();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#paused = true;
    await this.#syncIfPossible();
    this.#options.ending();
    await this.#handlers.idle();
    const { kind } = this.#options.address;
    if (kind === 'exclusive' || kind === 'topic') {
      // Fails only with the connection, and then the queue is gone too.
      await this.#kept.current?.deleteQueue(this.#queue).catch(() => undefined);
    }
    await this.#kept.dispose();
    this.#options.closed();
  }

  get #shares(): boolean {
    const { kind } = this.#options.address;
    return kind === 'work' || kind === 'lapsing-work';
  }

  async #prepare(channel: Channel, model: ChannelModel): Promise<void> {
    const { address, prefetch } = this.#options;
    const queue = address.kind === 'topic' ? this.#privateQueue(address.name, model) : address;
    this.#queue = queue.name;
    if (this.#shares) return this.#options.declarer.declare(model, queue);
    await declareQueue(channel, queue, this.#settings);
    if (address.kind === 'topic') {
      await declareTopic(channel, address.name);
      await channel.bindQueue(queue.name, address.name, '');
    }
    await channel.prefetch(prefetch);
  }

  #privateQueue(topic: string, model: ChannelModel): QueueAddress {
    if (this.#private?.model !== model) {
      this.#private = { model, queue: { kind: 'exclusive', name: `${topic}.${randomUUID()}` } };
    }
    return this.#private.queue;
  }

  /** A failure here is the channel's, and a new channel starts from the wanted state. */
  async #syncIfPossible(): Promise<void> {
    await this.#sync().catch(() => undefined);
  }

  /** Brings the consumer to the wanted state, one change at a time. */
  #sync(): Promise<void> {
    const next = this.#turn.then(() => this.#apply());
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #apply(): Promise<void> {
    const channel = this.#kept.current;
    if (!channel) return;
    if (this.#paused && this.#tag !== undefined) {
      await channel.cancel(this.#tag);
      this.#tag = undefined;
    } else if (!this.#paused && this.#tag === undefined) {
      const tag = randomUUID();
      await channel.consume(this.#queue, (message) => this.#onMessage(channel, message), {
        consumerTag: tag,
      });
      this.#tag = tag;
    }
  }

  #onMessage(channel: Channel, message: ConsumeMessage | null): void {
    if (!message) {
      // The broker ended the consumer, as it does when the queue is deleted: start over.
      channel.close().catch(() => undefined);
      return;
    }
    this.#handlers.enter();
    void this.#options.handle(channel, this.#queue, message).finally(() => this.#handlers.leave());
  }
}
