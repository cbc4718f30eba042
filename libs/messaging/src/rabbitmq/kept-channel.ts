import { LongTimer } from '@flux/domain';
import type { Channel, ChannelModel } from 'amqplib';
import { describeError } from '../delivery-policy.js';
import { Backoff } from './backoff.js';
import type { BusLog } from './options.js';

export interface KeptChannelOptions<C extends Channel> {
  /** The name of the channel in the log. */
  readonly name: string;
  readonly log: BusLog;
  /** Makes the channel. */
  create(model: ChannelModel): Promise<C>;
  /** Gives up the channel; {@link closeChannel} unless others use it too. Never rejects. */
  readonly close?: (channel: C) => Promise<void>;
  /** Makes the channel fit for use, before it is the current one. */
  prepare(channel: C, model: ChannelModel): Promise<void>;
  /** Runs once the channel is the current one. */
  opened?(): Promise<void>;
  /** The current channel is gone, with everything unconfirmed and unacknowledged on it. */
  lost(): void;
}

/** A channel that is opened anew on the same connection when the broker closes it. */
export class KeptChannel<C extends Channel> {
  readonly #options: KeptChannelOptions<C>;
  readonly #backoff = new Backoff();
  #model: ChannelModel | undefined;
  #current: C | undefined;
  #timer: LongTimer | undefined;

  constructor(options: KeptChannelOptions<C>) {
    this.#options = options;
  }

  /** The open channel, if there is one. */
  get current(): C | undefined {
    return this.#current;
  }

  /** Opens the channel; when that fails it rejects and nothing is kept. */
  async open(model: ChannelModel): Promise<void> {
    this.#model = model;
    try {
      await this.#openOn(model);
    } catch (error) {
      if (this.#model === model) this.detach();
      throw error;
    }
  }

  /** Opens the channel, again and again while the connection lasts. Resolves after the first attempt. */
  async keep(model: ChannelModel): Promise<void> {
    if (this.#model === model) return;
    this.#model = model;
    await this.#attempt(model);
  }

  /** The connection is gone. */
  detach(): void {
    this.#timer?.clear();
    this.#model = undefined;
    this.#backoff.reset();
  }

  /** Closes the channel for good. */
  async dispose(): Promise<void> {
    this.detach();
    if (this.#current) await this.#close(this.#current);
  }

  async #attempt(model: ChannelModel): Promise<void> {
    try {
      await this.#openOn(model);
    } catch (error) {
      if (this.#model !== model) return;
      const { name, log } = this.#options;
      log.warn(`${name}: cannot open its channel, trying again: ${describeError(error)}`);
      this.#reopen(model);
    }
  }

  async #openOn(model: ChannelModel): Promise<void> {
    const { name, log } = this.#options;
    const channel = await this.#options.create(model);
    channel.on('error', (error) => log.warn(`${name}: ${error.message}`));
    channel.once('close', () => this.#onClose(channel, model));
    try {
      await this.#options.prepare(channel, model);
      if (this.#model !== model) throw new Error('no longer wanted');
      this.#current = channel;
      await this.#options.opened?.();
      this.#backoff.reset();
    } catch (error) {
      if (this.#current === channel) this.#forget();
      await this.#close(channel);
      throw error;
    }
  }

  #close(channel: C): Promise<void> {
    return (this.#options.close ?? closeChannel)(channel);
  }

  #onClose(channel: C, model: ChannelModel): void {
    if (this.#current !== channel) return;
    this.#forget();
    if (this.#model === model) this.#reopen(model);
  }

  #forget(): void {
    this.#current = undefined;
    this.#options.lost();
  }

  #reopen(model: ChannelModel): void {
    this.#timer?.clear();
    this.#timer = new LongTimer(this.#backoff.next(), () => void this.#attempt(model));
  }
}

/** Resolves once the channel is closed, by us or by the loss of its connection; never rejects. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    // amqplib forgets a pending close when the connection dies first, but always emits this.
    channel.once('close', resolve);
    channel.close().then(resolve, () => resolve());
  });
}
