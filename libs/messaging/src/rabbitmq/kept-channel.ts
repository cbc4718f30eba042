import type { Channel, ChannelModel } from 'amqplib';
import { describeError } from '../delivery-policy.js';
import { Backoff } from './backoff.js';
import type { BusLog } from './options.js';

export interface KeptChannelHooks<C extends Channel> {
  /** Makes the channel. */
  create(model: ChannelModel): Promise<C>;
  /** Makes the channel fit for use, before it is the current one. */
  prepare(channel: C, model: ChannelModel): Promise<void>;
  /** Runs once the channel is the current one. */
  opened(): Promise<void>;
  /** The current channel is gone, with everything unconfirmed and unacknowledged on it. */
  lost(): void;
}

/** One channel that is opened anew on the same connection when the broker closes it. */
export class KeptChannel<C extends Channel> {
  readonly #name: string;
  readonly #hooks: KeptChannelHooks<C>;
  readonly #log: BusLog;
  readonly #backoff = new Backoff();
  #model: ChannelModel | undefined;
  #current: C | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, hooks: KeptChannelHooks<C>, log: BusLog) {
    this.#name = name;
    this.#hooks = hooks;
    this.#log = log;
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
    clearTimeout(this.#timer);
    this.#model = undefined;
    this.#backoff.reset();
  }

  /** Closes the channel for good. */
  async dispose(): Promise<void> {
    this.detach();
    if (this.#current) await closeChannel(this.#current);
  }

  async #attempt(model: ChannelModel): Promise<void> {
    try {
      await this.#openOn(model);
    } catch (error) {
      if (this.#model !== model) return;
      this.#log.warn(`${this.#name}: cannot open its channel, trying again: ${describeError(error)}`);
      this.#reopen(model);
    }
  }

  async #openOn(model: ChannelModel): Promise<void> {
    const channel = await this.#hooks.create(model);
    channel.on('error', (error) => this.#log.warn(`${this.#name}: ${error.message}`));
    channel.once('close', () => this.#onClose(channel, model));
    try {
      await this.#hooks.prepare(channel, model);
      if (this.#model !== model) throw new Error('no longer wanted');
      this.#current = channel;
      await this.#hooks.opened();
      this.#backoff.reset();
    } catch (error) {
      if (this.#current === channel) this.#forget();
      await closeChannel(channel);
      throw error;
    }
  }

  #onClose(channel: C, model: ChannelModel): void {
    if (this.#current !== channel) return;
    this.#forget();
    if (this.#model === model) this.#reopen(model);
  }

  #forget(): void {
    this.#current = undefined;
    this.#hooks.lost();
  }

  #reopen(model: ChannelModel): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#attempt(model), this.#backoff.next());
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
