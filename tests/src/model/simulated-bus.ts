import type { Address, QueueAddress } from '@flux/contracts';
import {
  BusUnavailableError,
  RequestTimeoutError,
  UnroutableError,
  type Bus,
  type ConnectionState,
  type Handler,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
} from '@flux/messaging';
import type { Broker, Letter } from './broker.js';
import type { EventLoop } from './event-loop.js';
import { Session } from './session.js';
import { SimulatedSubscription } from './simulated-subscription.js';
import type { Lane, World } from './world.js';

const RECONNECT_MS = 100;

/**
 * The connection of a process to the simulated broker: each message on its way, in either direction, is a step of the
 * world.
 */
export class SimulatedBus implements Bus {
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #subscriptions = new Set<SimulatedSubscription>();
  readonly #declared = new Map<string, QueueAddress>();
  /** The rejections of the calls that wait for the broker's word. */
  readonly #pending = new Set<(error: Error) => void>();
  readonly #notices: Lane;
  #session: Session;
  /** How many misfortunes there are that let nothing through, either way. */
  stalled = 0;
  state: ConnectionState = 'connected';
  /** What is sent as checkpoints, and goes nowhere before {@link SimulatedBus.unmute}; `undefined`: it is not muted. */
  #muted: Array<() => void> | undefined;

  constructor(
    private readonly world: World,
    private readonly broker: Broker,
    readonly loop: EventLoop,
  ) {
    this.#notices = world.lane(loop);
    this.#session = this.#newSession();
  }

  publish(address: Address, type: string, body: unknown, options: PublishOptions = {}): Promise<void> {
    const { mandatory = false, persistent = true } = options;
    const letter = { type, content: JSON.stringify(body ?? null), persistent, expiresAt: Infinity };
    return this.#ask('the message', (session, resolve, reject) => {
      const send = (): void =>
        session.publishes.post(() => {
          const routed = this.broker.route(address, letter);
          session.confirms.post(() => {
            if (routed || !mandatory) resolve();
            else reject(new UnroutableError(address.name));
          });
        });
      if (this.#muted && type === 'checkpoints') this.#muted.push(send);
      else send();
    });
  }

  mute(): void {
    this.#muted ??= [];
  }

  unmute(): void {
    const kept = this.#muted ?? [];
    this.#muted = undefined;
    for (const send of kept) send();
  }

  request(address: QueueAddress, type: string, body: unknown, options: RequestOptions): Promise<unknown> {
    const { timeoutMs } = options;
    const expiresAt = this.world.now + timeoutMs;
    return this.#ask('the request', (session, resolve, reject) => {
      const timer = setTimeout(() => reject(new RequestTimeoutError(address.name, timeoutMs)), timeoutMs);
      const answer = (settle: () => void): void => {
        session.replies.post(() => {
          clearTimeout(timer);
          settle();
        });
      };
      const letter: Letter = {
        type,
        content: JSON.stringify(body ?? null),
        persistent: false,
        expiresAt,
        reply: (content) => {
          if (session.isAlive) answer(() => resolve(JSON.parse(content)));
        },
      };
      session.requests.post(() => {
        if (!this.broker.route(address, letter)) answer(() => reject(new UnroutableError(address.name)));
      });
    });
  }

  /** A connection that is lost meanwhile, or is away, is no refusal: it is taken up on the next one. */
  subscribe(address: Address, handler: Handler, { prefetch }: SubscribeOptions): Promise<Subscription> {
    const subscription = new SimulatedSubscription(this.broker, this.loop, {
      address,
      handler,
      prefetch,
    });
    this.#subscriptions.add(subscription);
    return this.#now((session) => subscription.open(session)).then(() => subscription);
  }

  declare(address: Address): Promise<void> {
    if (address.kind === 'topic' || this.#declared.has(address.name)) return Promise.resolve();
    this.#declared.set(address.name, address);
    return this.#now(() => void this.broker.declare(address));
  }

  onStateChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The simulated broker raises no alarms. */
  readonly onStillBlocked: Bus['onStillBlocked'] = () => () => undefined;

  async close(): Promise<void> {
    this.breakOff();
  }

  /** The connection of this moment. */
  get session(): Session {
    return this.#session;
  }

  /** The broker loses the connection; nobody has told the process. */
  breakOff(session = this.#session): void {
    if (!session.isAlive) return;
    session.end();
    this.broker.forget(session);
  }

  /** The process finds that the connection is gone, and tries to have it back. */
  notice(session = this.#session): void {
    this.#notices.post(() => {
      if (session !== this.#session || this.state === 'disconnected') return;
      // Whatever was on its way to the process stays away; what it had sent may still arrive.
      session.silence();
      this.#change('disconnected');
      for (const reject of [...this.#pending]) reject(new BusUnavailableError('the connection was lost'));
      this.#reconnect();
    });
  }

  /** Does at once what each new connection will do again. */
  async #now(work: (session: Session) => void): Promise<void> {
    if (this.state === 'disconnected') return;
    const done = this.#ask<void>('what the process needs', (session, resolve) => {
      session.publishes.post(() => {
        work(session);
        session.confirms.post(() => resolve());
      });
    });
    await done.catch(() => undefined);
  }

  #reconnect(): void {
    setTimeout(() => {
      if (this.stalled > 0 || this.#session.isAlive) return this.#reconnect();
      const session = this.#newSession();
      this.#session = session;
      session.publishes.post(() => {
        for (const address of this.#declared.values()) this.broker.declare(address);
        for (const subscription of this.#subscriptions) if (!subscription.closed) subscription.open(session);
        session.confirms.post(() => this.#change('connected'));
      });
    }, RECONNECT_MS);
  }

  #change(state: ConnectionState): void {
    this.state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  #newSession(): Session {
    return new Session(this.world, this.loop, () => this.stalled === 0);
  }

  #ask<T>(
    what: string,
    start: (session: Session, resolve: (value: T) => void, reject: (error: Error) => void) => void,
  ): Promise<T> {
    if (this.state === 'disconnected') {
      return Promise.reject(new BusUnavailableError(`no connection for ${what}`));
    }
    return new Promise((resolve, reject) => {
      const settled = (): void => void this.#pending.delete(fail);
      const fail = (error: Error): void => {
        settled();
        reject(error);
      };
      this.#pending.add(fail);
      start(
        this.#session,
        (value) => {
          settled();
          resolve(value);
        },
        fail,
      );
    });
  }
}
