import type { Address } from '@flux/contracts';
import type { Channel, ConsumeMessage } from 'amqplib';
import { describeError, encodeReply, retryDelayMs } from '../delivery-policy.js';
import type { Handler, Outcome } from '../port.js';
import { isQuorum } from './declarations.js';
import type { RabbitMqSettings } from './options.js';
import { Assemblies, partsOf } from './parts.js';
import type { Publisher } from './publisher.js';

/** Long reasons would not fit the frame that carries the headers. */
const LONGEST_REASON = 2_000;
/** The broker closes the channel of a delivery unsettled for 30 minutes. */
const LONGEST_HOLD_MS = 10 * 60_000;

export interface SettlerParts {
  readonly address: Address;
  readonly handler: Handler;
  readonly publisher: Publisher;
  readonly settings: RabbitMqSettings;
}

/** Runs the handler of one subscription and settles each delivery as it decides. */
export class Settler {
  readonly #parts: SettlerParts;
  readonly #held = new Map<NodeJS.Timeout, () => void>();
  /** Returns by message id, for the classic queues of one consumer, which do not count them. */
  readonly #returns = new Map<string, number>();
  /** What comes from topics in parts. Once acknowledged, parts do not come again: what is retried then is lost. */
  readonly #assemblies = new Assemblies();
  #ending = false;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async handle(channel: Channel, queue: string, message: ConsumeMessage): Promise<void> {
    try {
      const content = this.#parts.address.kind === 'topic' ? this.#assemblies.add(message) : message.content;
      if (!content) return ifOpen(() => channel.ack(message));
      const { replyTo } = propertiesOf(message);
      const decided = await this.#decide(message, content);
      const { outcome, reply } = replyTo === undefined ? { outcome: decided } : encodeReply(decided);
      if (outcome.kind === 'ack') this.#acknowledge(channel, message, reply);
      else if (outcome.kind === 'dead-letter') await this.#bury(channel, queue, message, outcome.reason);
      else await this.#return(channel, queue, message, outcome.delayMs ?? 0);
    } catch (error) {
      this.#parts.settings.log.warn(`a message of ${queue} was not settled: ${describeError(error)}`);
      this.#hold(channel, message, retryDelayMs(this.#returnsOf(message)));
    }
  }

  /** The channel is gone: the broker gives everything out again. */
  lost(): void {
    for (const timer of this.#held.keys()) clearTimeout(timer);
    this.#held.clear();
    this.#returns.clear();
    this.#assemblies.clear();
  }

  /** Delayed retries go back at once, now and from here on. */
  end(): void {
    this.#ending = true;
    for (const [timer, giveBack] of [...this.#held]) {
      clearTimeout(timer);
      giveBack();
    }
  }

  async #decide(message: ConsumeMessage, content: Buffer): Promise<Outcome> {
    let body: unknown;
    try {
      body = JSON.parse(content.toString());
    } catch (error) {
      return { kind: 'dead-letter', reason: `unparsable: ${describeError(error)}` };
    }
    try {
      const type = String(message.properties.type ?? '');
      return await this.#parts.handler({ type, body, redelivered: message.fields.redelivered });
    } catch {
      return { kind: 'retry', delayMs: retryDelayMs(this.#returnsOf(message)) };
    }
  }

  #acknowledge(channel: Channel, message: ConsumeMessage, reply: string | undefined): void {
    const { replyTo, correlationId, messageId } = propertiesOf(message);
    if (replyTo !== undefined && reply !== undefined) {
      const contentType = 'application/json';
      for (const { content, headers } of partsOf(Buffer.from(reply))) {
        ifOpen(() => channel.sendToQueue(replyTo, content, { correlationId, contentType, headers }));
      }
    }
    ifOpen(() => channel.ack(message));
    this.#returns.delete(String(messageId));
  }

  async #return(channel: Channel, queue: string, message: ConsumeMessage, delayMs: number): Promise<void> {
    const { kind } = this.#parts.address;
    if (kind === 'exclusive' || kind === 'topic') {
      const returns = this.#returnsOf(message) + 1;
      if (returns > this.#parts.settings.deliveryLimit) {
        await this.#bury(channel, queue, message, 'delivery_limit');
        return;
      }
      this.#returns.set(String(message.properties.messageId), returns);
    }
    this.#hold(channel, message, delayMs);
  }

  #hold(channel: Channel, message: ConsumeMessage, delayMs: number): void {
    const giveBack = (): void => ifOpen(() => channel.nack(message, false, true));
    if (delayMs <= 0 || this.#ending) {
      giveBack();
      return;
    }
    const timer = setTimeout(
      () => {
        this.#held.delete(timer);
        giveBack();
      },
      Math.min(delayMs, LONGEST_HOLD_MS),
    );
    this.#held.set(timer, giveBack);
  }

  async #bury(channel: Channel, queue: string, message: ConsumeMessage, reason: string): Promise<void> {
    const { type, messageId, contentType, headers } = propertiesOf(message);
    await this.#parts.publisher.publish({
      exchange: '',
      routingKey: this.#parts.settings.deadLetters.name,
      content: message.content,
      properties: {
        type,
        messageId,
        contentType,
        persistent: true,
        headers: { ...headers, 'x-flux-reason': reason.slice(0, LONGEST_REASON), 'x-flux-queue': queue },
      },
      mandatory: true,
    });
    ifOpen(() => channel.ack(message));
    this.#returns.delete(String(messageId));
  }

  #returnsOf({ properties }: ConsumeMessage): number {
    if (isQuorum(this.#parts.address)) return Number(properties.headers?.['x-delivery-count'] ?? 0);
    return this.#returns.get(String(properties.messageId)) ?? 0;
  }
}

/** The properties in use here, which amqplib leaves untyped; the protocol has them as short strings. */
interface Properties {
  readonly type?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly replyTo?: string;
  readonly headers?: Record<string, unknown>;
}

function propertiesOf(message: ConsumeMessage): Properties {
  return message.properties;
}

/** A channel that has closed leaves nothing to settle: the broker delivers again. */
function ifOpen(operation: () => void): void {
  try {
    operation();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'IllegalOperationError') throw error;
  }
}
