import type { Address, QueueAddress } from '@flux/contracts';
import { BusBase } from '../bus-base.js';
import type {
  Bus,
  Handler,
  PublishOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from '../port.js';
import { Line } from './line.js';
import { lifeUrl, resolveOptions, type RabbitMqOptions, type RabbitMqSettings } from './options.js';

/** The kinds of address that decide about life and death: nothing large may stand before their messages. */
const LIFE: ReadonlySet<Address['kind']> = new Set(['exclusive', 'requests']);

/** A bus of two connections: one for signs of life and commands, one for everything that carries data. */
class RabbitMqBus extends BusBase implements Bus {
  readonly #life: Line;
  readonly #data: Line;

  constructor(settings: RabbitMqSettings) {
    super('disconnected');
    this.#life = new Line({ ...settings, url: lifeUrl(settings.url) });
    const { connectionName, log } = settings;
    this.#data = new Line({
      ...settings,
      connectionName: `${connectionName} data`,
      // An outage of both is told once.
      log: {
        log: (message) => log.log(message),
        warn: (message) => void (this.#life.state === 'disconnected' || log.warn(message)),
      },
    });
    for (const line of [this.#life, this.#data]) line.onStateChange(() => this.#look());
  }

  async start(): Promise<void> {
    await this.#life.start();
    await this.#data.start();
  }

  onStillBlocked(listener: () => void): () => void {
    return this.#life.onStillBlocked(listener);
  }

  publish(address: Address, type: string, body: unknown, options?: PublishOptions): Promise<void> {
    return this.#lineOf(address).publish(address, type, body, options);
  }

  request(address: QueueAddress, type: string, body: unknown, options: RequestOptions): Promise<unknown> {
    return this.#lineOf(address).request(address, type, body, options);
  }

  subscribe(address: Address, handler: Handler, options: SubscribeOptions): Promise<Subscription> {
    return this.#lineOf(address).subscribe(address, handler, options);
  }

  declare(address: Address): Promise<void> {
    return this.#lineOf(address).declare(address);
  }

  /** A handler of one line may still publish on the other. */
  protected async end(): Promise<void> {
    await Promise.all([this.#life.endSubscriptions(), this.#data.endSubscriptions()]);
    await Promise.all([this.#life.close(), this.#data.close()]);
  }

  #lineOf({ kind }: Address): Line {
    return LIFE.has(kind) ? this.#life : this.#data;
  }

  #look(): void {
    const { state } = this.#life;
    this.become(state === 'connected' && this.#data.state !== 'connected' ? 'partial' : state);
  }
}

/**
 * Connects to RabbitMQ. A broker that cannot be reached is tried for ever: the bus is then
 * `disconnected`, remembers what is declared and subscribed, and refuses to publish.
 * @throws TypeError for a url that is not one of AMQP
 * @throws BusRefusedError when the broker refuses the credentials
 */
export async function connectRabbitMq(options: RabbitMqOptions): Promise<Bus> {
  const bus = new RabbitMqBus(resolveOptions(options));
  await bus.start();
  return bus;
}
