import { LAPSE_AFTER_MS, type Address, type QueueAddress } from '@flux/contracts';
import type { Channel, ChannelModel, Options } from 'amqplib';
import { closeChannel } from './kept-channel.js';
import type { RabbitMqSettings } from './options.js';

type Policy = Pick<RabbitMqSettings, 'deadLetters' | 'deliveryLimit'>;

const QUORUM: ReadonlySet<Address['kind']> = new Set(['work', 'lapsing-work', 'ordered', 'dead-letters']);

/** True for the kinds of queue that count deliveries and bury past the limit by themselves. */
export function isQuorum(address: Address): boolean {
  return QUORUM.has(address.kind);
}

/** A connection has some 2,000 channels, and a deployment may have more queues than that. */
const DECLARATIONS_AT_ONCE = 16;

/** Declares addresses, each on a channel of its own, so that a refusal costs no other channel. */
export class Declarer {
  readonly #policy: Policy;
  readonly #lanes = Array.from({ length: DECLARATIONS_AT_ONCE }, () => Promise.resolve());
  #turns = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  declare(model: ChannelModel, address: Address): Promise<void> {
    const lane = this.#turns % DECLARATIONS_AT_ONCE;
    this.#turns += 1;
    const declared = (this.#lanes[lane] ?? Promise.resolve()).then(() => this.#declare(model, address));
    this.#lanes[lane] = declared.catch(() => undefined);
    return declared;
  }

  async #declare(model: ChannelModel, address: Address): Promise<void> {
    const channel = await model.createChannel();
    // The refusal itself rejects the declaration below.
    channel.on('error', () => undefined);
    if (address.kind === 'topic') await declareTopic(channel, address.name);
    else await declareQueue(channel, address, this.#policy);
    await closeChannel(channel);
  }
}

export async function declareTopic(channel: Channel, exchange: string): Promise<void> {
  await channel.assertExchange(exchange, 'fanout', { durable: true });
}

export async function declareQueue(channel: Channel, address: QueueAddress, policy: Policy): Promise<void> {
  await channel.assertQueue(address.name, queueOptions(address, policy));
}

function queueOptions(address: QueueAddress, { deadLetters, deliveryLimit }: Policy): Options.AssertQueue {
  switch (address.kind) {
    case 'work':
    case 'lapsing-work':
    case 'ordered':
      return {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': deliveryLimit,
          // Dead letters go through the default exchange: there is no exchange or binding that could be missing.
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': deadLetters.name,
          // The broker's default forgets a message if the dead-letter queue cannot take it just then.
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          ...(address.kind === 'ordered' && { 'x-single-active-consumer': true }),
          ...(address.kind === 'lapsing-work' && { 'x-expires': LAPSE_AFTER_MS }),
        },
      };
    case 'dead-letters':
      return { durable: true, arguments: { 'x-queue-type': 'quorum' } };
    case 'requests':
    case 'data-requests':
      return { durable: true, arguments: { 'x-queue-type': 'classic' } };
    case 'exclusive':
      // The queue is not auto-delete: that would end it whenever its consumer pauses.
      return { durable: false, exclusive: true, arguments: { 'x-queue-type': 'classic' } };
  }
}
