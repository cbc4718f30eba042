import { MESSAGE_LIMIT_BYTES } from '@flux/contracts';
import { backoff } from '@flux/domain';
import { JsonText, MessageTooLargeError, type Outcome } from './port.js';

/** How often a delivery may come back before it goes to the dead letters; RabbitMQ 3.10 and 4 alike. */
export const DEFAULT_DELIVERY_LIMIT = 20;

const RETRY = { firstMs: 250, longestMs: 30_000 };

/**
 * Milliseconds before a delivery whose handler threw comes back: 250 ms, doubling to 30 s, so that the
 * default limit outlasts some seven minutes of a broken dependency.
 * @param returns how often the delivery has come back before, ≥ 0
 */
export function retryDelayMs(returns: number): number {
  return backoff(RETRY, returns);
}

/** The JSON text of a body, however large; `undefined`, which JSON does not know, becomes `null`. */
export function encodeAny(body: unknown): string {
  return body instanceof JsonText ? body.text : (JSON.stringify(body) ?? 'null');
}

/**
 * The JSON text of a body that travels as one message.
 * @throws MessageTooLargeError · what JSON.stringify throws
 */
export function encodeBody(type: string, body: unknown): string {
  const content = encodeAny(body);
  const bytes = Buffer.byteLength(content);
  if (bytes > MESSAGE_LIMIT_BYTES) throw new MessageTooLargeError(type, bytes);
  return content;
}

/** The text of the reply of an outcome; a reply that cannot be sent makes dead letters of its request. */
export function encodeReply(outcome: Outcome): { outcome: Outcome; reply?: string } {
  if (outcome.kind !== 'ack') return { outcome };
  try {
    return { outcome, reply: encodeAny(outcome.reply) };
  } catch (error) {
    return { outcome: { kind: 'dead-letter', reason: `no reply can be sent: ${describeError(error)}` } };
  }
}

/** An error as a reason or a log line has it. */
export function describeError(error: unknown): string {
  // Node reports a refused connection to a name of several addresses with an empty message.
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
