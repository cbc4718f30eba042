import { heartbeatReply, registerReply, type MessageBody, type WorkerWish } from '@flux/contracts';
import { ALARM, backoff, FluxError, LongTimer } from '@flux/domain';
import { BusUnavailableError, JsonText, RequestTimeoutError } from '@flux/messaging';
import type { z } from 'zod';
import type { ApiClock } from './api-clock.js';
import { WakeableSleep } from '../flow/wakeable-sleep.js';
import { within } from '../flow/within.js';
import { isLarge, Uploads } from './uploads.js';
import type { WorkerBus } from './worker-bus.js';

type Registration = Omit<MessageBody<'register'>, 'workerId'>;

/** An outage, of which the message tells all. */
const expected = (error: unknown): error is Error =>
  error instanceof BusUnavailableError || error instanceof RequestTimeoutError;

const RETRY = { firstMs: 100, longestMs: 2000 };
const REPLY_LIMIT_MS = 5000;
/** The part of a lease after which a heartbeat is sent again that renewed nothing: well before a vouch is over. */
const RETRIES_IN_LEASE = 15;

export interface MembershipOptions extends WorkerBus {
  /** Told the api's time with each answer. */
  readonly clock: ApiClock;
  /** The registration of this worker as of now; resolves once all executions that it stopped are over. */
  registration(): Promise<Registration>;
  /** The api knows what `registration` said. */
  onRegistered(registration: Registration, reply: z.infer<typeof registerReply>): void;
  /** The heartbeat of this worker as of now. */
  heartbeat(): Omit<MessageBody<'heartbeat'>, 'workerId'>;
  onReply(reply: z.infer<typeof heartbeatReply>): void;
  /** The api says what this worker was asked by hand; before `onRegistered` where it comes with that. */
  onWish(wish: WorkerWish): void;
  /** No heartbeat got through for a whole lease: others may own this worker's executions. */
  onLeaseLost(): void;
  /** The lease has been renewed until `until`, on the clock of `performance.now()`. */
  onLease(until: number): void;
}

/** The standing of this worker with the api: registration, heartbeats and the lease that heartbeats renew. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #uploads: Uploads;
  readonly #sleep = new WakeableSleep();
  #stopWatching: Array<() => void> = [];
  #loop: Promise<void> | undefined;
  #ended = false;
  #registered = false;
  #leaseMs = 0;
  #heartbeatMs = 0;
  #leaseUntil = 0;
  #failures = 0;
  /** An api that can write has asked for a heartbeat, and none has renewed the lease since. */
  #asked = false;
  #vouched = false;
  /** Why the api did not take the worker when it came. */
  #refusal: FluxError | undefined;
  #leaseTimer: LongTimer | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#uploads = new Uploads(options);
  }

  /**
   * Resolves once the api has answered, however long that takes, or after {@link Membership.leave}.
   * @throws FluxError `INVALID_WORKFLOWS` when the api refuses them
   */
  async join(): Promise<void> {
    const { bus } = this.#options;
    let before = bus.state;
    this.#stopWatching = [
      bus.onStateChange((state) => {
        if (before === 'disconnected') this.registerAgain();
        before = state;
      }),
      // A broker that blocks lets no heartbeat through, and the api lets no lease run out meanwhile.
      bus.onStillBlocked(() => {
        if (this.#registered) this.#renew(performance.now(), ALARM.proofMs);
      }),
    ];
    await new Promise<void>((resolve) => {
      this.#loop = this.#keepUp(resolve).finally(resolve);
    });
    if (this.#refusal) throw this.#refusal;
  }

  /** As the api told it; 0 before. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  /** Registers and sends a heartbeat at once. */
  registerAgain(): void {
    this.#registered = false;
    this.#sleep.wake();
  }

  /** Sends a heartbeat at once. */
  beatNow(): void {
    this.#sleep.wake();
  }

  /** An api that can write would find the lease run out: no other one's word counts until it is renewed. */
  asked(): void {
    this.#asked = true;
    this.beatNow();
  }

  /** Ends heartbeats and takes leave, waiting `limitMs` for each of the two; never rejects. */
  async leave(limitMs: number): Promise<void> {
    this.#ended = true;
    for (const stop of this.#stopWatching) stop();
    this.#leaseTimer?.clear();
    this.#sleep.wake();
    // An api that has gone leaves the heartbeat on its way unanswered for long.
    if (this.#loop) await within(limitMs, this.#loop);
    if (!this.#registered) return;
    const { workerId } = this.#options;
    await this.#ask('deregister', { workerId }, limitMs).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the api did not answer the goodbye');
    });
  }

  async #keepUp(onFirst: () => void): Promise<void> {
    while (!this.#ended) {
      const answered = await this.#beat();
      if (answered) onFirst();
      if (this.#ended) return;
      await this.#sleep.for(answered ? this.#heartbeatMs : this.#retryMs);
      this.#failures = answered ? 0 : this.#failures + 1;
    }
  }

  get #retryMs(): number {
    const retryMs = backoff(RETRY, this.#failures);
    return this.#leaseMs > 0 ? Math.min(retryMs, this.#leaseMs / RETRIES_IN_LEASE) : retryMs;
  }

  /** Resolves with whether the lease was renewed. */
  async #beat(): Promise<boolean> {
    try {
      if (!this.#registered) await this.#register();
      if (this.#ended) return true;
      if (!this.#registered) return false;
      const own = { workerId: this.#options.workerId, asked: this.#asked };
      const body = { ...own, ...this.#options.heartbeat() };
      const sentAt = performance.now();
      const before = Date.now();
      const limitMs = Math.min(REPLY_LIMIT_MS, Math.max(this.#heartbeatMs, 500));
      const reply = heartbeatReply.parse(await this.#ask('heartbeat', body, limitMs));
      this.#options.clock.heard(reply.now, before, Date.now());
      if (this.#ended) return true;
      if (reply.vouchedMs !== undefined) {
        this.#goOn(sentAt + reply.vouchedMs);
        return false;
      }
      if (reply.known) this.#renew(sentAt);
      else this.#registered = false;
      if (reply.wish) this.#options.onWish(reply.wish);
      this.#options.onReply(reply);
      return reply.known;
    } catch (error) {
      if (!this.#ended && this.#options.bus.state !== 'blocked')
        this.#options.log.warn({ err: expected(error) ? error.message : error }, 'the api does not answer');
      return false;
    }
  }

  async #register(): Promise<void> {
    const { workerId, log } = this.#options;
    const registration = await this.#options.registration();
    const sentAt = performance.now();
    const body = { workerId, ...registration };
    // A wish to register again that comes meanwhile is not answered by this.
    this.#registered = true;
    let reply: z.infer<typeof registerReply>;
    try {
      const before = Date.now();
      reply = registerReply.parse(await this.#ask('register', body, REPLY_LIMIT_MS));
      if (reply.refused) this.#refuse(reply.refused);
      this.#options.clock.heard(reply.now, before, Date.now());
      this.#leaseMs = reply.leaseMs;
      this.#heartbeatMs = reply.heartbeatMs;
      if (reply.wish) this.#options.onWish(reply.wish);
    } catch (error) {
      this.#registered = false;
      throw error;
    }
    if (!this.#registered || this.#ended) return;
    log.info({ workflows: registration.workflows.map((each) => each.workflowName) }, 'registered');
    this.#renew(sentAt);
    this.#options.onRegistered(registration, reply);
  }

  /** A worker that has had a lease goes on without one: another api may take it again. */
  #refuse(reasons: readonly string[]): never {
    const refusal = new FluxError(
      'INVALID_WORKFLOWS',
      `the api refuses this worker:\n  ${reasons.join('\n  ')}`,
      {
        hint: 'Correct the workflows named and start the worker again.',
        details: { faults: reasons },
      },
    );
    if (this.#leaseMs === 0) {
      this.#refusal = refusal;
      this.#ended = true;
    }
    throw refusal;
  }

  /** The lease counts from the sending: the api's own count begins later, so this worker stops earlier. */
  #renew(sentAt: number, leastMs = 0): void {
    this.#asked = false;
    this.#vouched = false;
    this.#keepUntil(sentAt + Math.max(this.#leaseMs, leastMs));
  }

  /** The api could not renew the lease, and says that nobody else can end it. */
  #goOn(until: number): void {
    if (!this.#vouched)
      this.#options.log.warn('the database takes no writes; the api vouches for this worker');
    this.#vouched = true;
    if (!this.#asked && until > this.#leaseUntil) this.#keepUntil(until);
  }

  #keepUntil(until: number): void {
    this.#leaseTimer?.clear();
    this.#leaseUntil = until;
    this.#leaseTimer = new LongTimer(until - performance.now(), () => this.#options.onLeaseLost());
    this.#options.onLease(until);
  }

  /** A body that is too large for a message is uploaded before. */
  async #ask(type: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const { bus, topology } = this.#options;
    const text = JSON.stringify(body);
    if (!isLarge(text)) return bus.request(topology.requests, type, new JsonText(text), { timeoutMs });
    const isUp = (): boolean => !this.#ended && bus.state === 'connected';
    const stored = await this.#uploads.put(this, text, isUp);
    if (!stored) throw new BusUnavailableError('the connection was lost');
    return bus.request(topology.requests, 'stored', { type, ...stored }, { timeoutMs });
  }
}
