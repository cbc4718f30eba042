import type { QueueAddress } from '@flux/contracts';
import { DEFAULT_DELIVERY_LIMIT } from '../delivery-policy.js';

/** The log of what the bus survives; a NestJS logger fits. */
export interface BusLog {
  log(message: string): void;
  warn(message: string): void;
}

export interface RabbitMqOptions {
  /** `amqp://` or `amqps://`; a `heartbeat` in the query (seconds) overrides the default of 5, which is the most for signs of life. */
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly connectionName: string;
  /** The queue of rejected messages. */
  readonly deadLetters: QueueAddress;
  /** How often a delivery may come back before it goes to the dead letters. Default 20. */
  readonly deliveryLimit?: number;
  /** Default: silent. */
  readonly log?: BusLog;
}

/** {@link RabbitMqOptions} with its defaults filled in. */
export type RabbitMqSettings = Required<RabbitMqOptions>;

const HEARTBEAT_SECONDS = 5;

/** @throws TypeError when the url is not one of AMQP */
export function resolveOptions(options: RabbitMqOptions): RabbitMqSettings {
  const { connectionName, deadLetters } = options;
  const deliveryLimit = options.deliveryLimit ?? DEFAULT_DELIVERY_LIMIT;
  const log = options.log ?? { log: () => undefined, warn: () => undefined };
  return { url: resolveUrl(options.url), connectionName, deadLetters, deliveryLimit, log };
}

function resolveUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^amqps?:$/.test(url.protocol) || url.hostname === '') {
    // The text itself stays out of the message: it may hold a password.
    throw new TypeError('the AMQP url must look like amqp://user:password@host:5672/vhost');
  }
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', `${HEARTBEAT_SECONDS}`);
  return url.href;
}

/** The url for signs of life: the broker's heartbeats are the only ones in an alarm, so they may not be rarer. */
export function lifeUrl(text: string): string {
  const url = new URL(text);
  const seconds = Number(url.searchParams.get('heartbeat'));
  if (!(seconds > 0 && seconds <= HEARTBEAT_SECONDS)) {
    url.searchParams.set('heartbeat', `${HEARTBEAT_SECONDS}`);
  }
  return url.href;
}
