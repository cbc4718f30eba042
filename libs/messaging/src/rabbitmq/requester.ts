import type { Channel, ChannelModel } from 'amqplib';
import { BusUnavailableError, RequestTimeoutError, UnroutableError } from '../port.js';
import { KeptChannel } from './kept-channel.js';
import type { BusLog } from './options.js';
import { send } from './publisher.js';

/** The broker's pseudo-queue: replies come straight back to the channel that asked. */
const REPLY_TO = 'amq.rabbitmq.reply-to';

interface Pending {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/** Asks and waits for replies, on a channel of its own. */
export class Requester {
  readonly #channel: KeptChannel<Channel>;
  readonly #pending = new Map<string, Pending>();

  constructor(log: BusLog) {
    this.#channel = new KeptChannel(
      'requester',
      {
        create: (model) => model.createChannel(),
        prepare: (channel) => this.#prepare(channel),
        opened: async () => undefined,
        lost: () => this.#rejectAll(),
      },
      log,
    );
  }

  keep(model: ChannelModel): Promise<void> {
    return this.#channel.keep(model);
  }

  detach(): void {
    this.#channel.detach();
  }

  /** @param id unique on this bus */
  request(id: string, queue: string, type: string, content: Buffer, timeoutMs: number): Promise<unknown> {
    const channel = this.#channel.current;
    return new Promise((resolve, reject) => {
      if (!channel) throw new BusUnavailableError('the connection to RabbitMQ is down');
      send(() =>
        channel.sendToQueue(queue, content, {
          type,
          messageId: id,
          correlationId: id,
          replyTo: REPLY_TO,
          contentType: 'application/json',
          expiration: Math.max(1, Math.ceil(timeoutMs)),
          persistent: false,
          mandatory: true,
        }),
      );
      const timer = setTimeout(
        () => this.#take(id)?.reject(new RequestTimeoutError(queue, timeoutMs)),
        timeoutMs,
      );
      this.#pending.set(id, {
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  async #prepare(channel: Channel): Promise<void> {
    channel.on('return', ({ properties, fields }) => {
      this.#take(String(properties.correlationId))?.reject(new UnroutableError(fields.routingKey));
    });
    await channel.consume(
      REPLY_TO,
      (message) => {
        if (message) this.#onReply(String(message.properties.correlationId), message.content);
      },
      { noAck: true },
    );
  }

  #onReply(id: string, content: Buffer): void {
    const pending = this.#take(id);
    if (!pending) return;
    try {
      pending.resolve(JSON.parse(content.toString()));
    } catch (error) {
      pending.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #rejectAll(): void {
    const error = new BusUnavailableError('the connection was lost before the reply');
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }
}
