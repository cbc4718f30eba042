import { LongTimer } from '@flux/domain';
import type { Channel, ConsumeMessage } from 'amqplib';
import { BusUnavailableError, RequestTimeoutError, UnroutableError } from '../port.js';
import { KeptChannel } from './kept-channel.js';
import type { BusLog } from './options.js';
import { Assembly } from './parts.js';
import { send } from './publisher.js';

/** The broker's pseudo-queue: replies come straight back to the channel that asked. */
const REPLY_TO = 'amq.rabbitmq.reply-to';

interface Pending {
  readonly assembly: Assembly;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
  readonly timer: LongTimer;
}

/** Asks and waits for replies, on a channel of its own. */
export class Requester {
  readonly kept: KeptChannel<Channel>;
  readonly #pending = new Map<string, Pending>();

  constructor(log: BusLog) {
    this.kept = new KeptChannel({
      name: 'requester',
      log,
      create: (model) => model.createChannel(),
      prepare: (channel) => this.#prepare(channel),
      lost: () => this.#rejectAll(),
    });
  }

  /** @param id unique on this bus */
  request(id: string, queue: string, type: string, content: Buffer, timeoutMs: number): Promise<unknown> {
    const channel = this.kept.current;
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
      const timer = new LongTimer(timeoutMs, () =>
        this.#take(id)?.reject(new RequestTimeoutError(queue, timeoutMs)),
      );
      this.#pending.set(id, { assembly: new Assembly(), resolve, reject, timer });
    });
  }

  async #prepare(channel: Channel): Promise<void> {
    channel.on('return', ({ properties, fields }) => {
      this.#take(String(properties.correlationId))?.reject(new UnroutableError(fields.routingKey));
    });
    await channel.consume(
      REPLY_TO,
      (message) => {
        if (message) this.#onReply(String(message.properties.correlationId), message);
      },
      { noAck: true },
    );
  }

  #onReply(id: string, message: ConsumeMessage): void {
    const pending = this.#pending.get(id);
    const content = pending?.assembly.add(message);
    if (!pending) return;
    if (!content) {
      pending.timer.refresh();
      return;
    }
    this.#take(id);
    try {
      pending.resolve(JSON.parse(content.toString()));
    } catch (error) {
      pending.reject(error);
    }
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.timer.clear();
    this.#pending.delete(id);
    return pending;
  }

  #rejectAll(): void {
    const error = new BusUnavailableError('the connection was lost before the reply');
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }
}
