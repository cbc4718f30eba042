import type { ConfirmChannel, Options } from 'amqplib';
import { describeError } from '../delivery-policy.js';
import { BusUnavailableError, UnroutableError } from '../port.js';
import { KeptChannel } from './kept-channel.js';
import type { BusLog } from './options.js';

/** The address of a message and what travels with it. */
export interface Parcel {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly properties: Omit<Options.Publish, 'mandatory'>;
  /** Reject with {@link UnroutableError} when no queue takes it. */
  readonly mandatory: boolean;
}

/**
 * Publishes with confirms on a channel of its own. What callers do not wait for piles up in amqplib's
 * write buffer rather than in one of ours, so its drain event has nothing to resume here.
 */
export class Publisher {
  readonly kept: KeptChannel<ConfirmChannel>;
  /** Message ids that came back and whose confirm, which follows, is due. */
  readonly #returned = new Set<string>();

  /** @param onLost called when the channel is gone, with all that was not confirmed */
  constructor(log: BusLog, onLost: () => void) {
    this.kept = new KeptChannel({
      name: 'publisher',
      log,
      create: (model) => model.createConfirmChannel(),
      prepare: async (channel) => {
        channel.on('return', ({ properties }) => this.#returned.add(String(properties.messageId)));
      },
      lost: () => {
        this.#returned.clear();
        onLost();
      },
    });
  }

  /** @throws BusUnavailableError · UnroutableError; `properties.messageId` must be unique on this bus */
  publish({ exchange, routingKey, content, properties, mandatory }: Parcel): Promise<void> {
    const channel = this.kept.current;
    return new Promise((resolve, reject) => {
      if (!channel) throw new BusUnavailableError('the connection to RabbitMQ is down');
      const onConfirm = (error: unknown): void => {
        if (error) reject(new BusUnavailableError(`not confirmed: ${describeError(error)}`));
        else if (mandatory && this.#returned.delete(String(properties.messageId))) {
          reject(new UnroutableError(exchange || routingKey));
        } else resolve();
      };
      send(() => channel.publish(exchange, routingKey, content, { ...properties, mandatory }, onConfirm));
    });
  }
}

/** Runs an amqplib send, whose failure on a closed channel means that the bus is away. */
export function send(operation: () => void): void {
  try {
    operation();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
    throw new BusUnavailableError(error.message);
  }
}
