import type { Channel, ChannelModel } from 'amqplib';
import { closeChannel } from './kept-channel.js';

/** A connection has some 2,000 channels; a worker may have more queues than that. */
const CONSUMERS_A_CHANNEL = 100;

interface Shared {
  readonly model: ChannelModel;
  readonly prefetch: number;
  readonly channel: Promise<Channel>;
  users: number;
}

/** The channels of one bus that consumers of many queues have in common, each for one prefetch. */
export class SharedChannels {
  readonly #all = new Set<Shared>();

  /** A channel on which each new consumer gets `prefetch`; to be {@link SharedChannels.give}n back. */
  take(model: ChannelModel, prefetch: number): Promise<Channel> {
    for (const shared of this.#all) {
      const fits = shared.model === model && shared.prefetch === prefetch;
      if (!fits || shared.users === CONSUMERS_A_CHANNEL) continue;
      shared.users += 1;
      return shared.channel;
    }
    const shared = { model, prefetch, channel: open(model, prefetch), users: 1 };
    this.#all.add(shared);
    const forget = (): void => void this.#all.delete(shared);
    shared.channel.then((channel) => channel.once('close', forget), forget);
    return shared.channel;
  }

  /** Closes the channel once nobody uses it any more. */
  async give(channel: Channel): Promise<void> {
    for (const shared of [...this.#all]) {
      if ((await shared.channel.catch(() => undefined)) !== channel) continue;
      shared.users -= 1;
      if (shared.users > 0) return;
      this.#all.delete(shared);
      await closeChannel(channel);
    }
  }
}

async function open(model: ChannelModel, prefetch: number): Promise<Channel> {
  const channel = await model.createChannel();
  channel.setMaxListeners(0);
  await channel.prefetch(prefetch);
  return channel;
}
