import { heartbeatReply, registerReply, type MessageBody, type Topology } from '@flux/contracts';
import { BusUnavailableError, RequestTimeoutError, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { ApiClock } from './api-clock.js';
import { Pause } from './pause.js';
import { within } from './within.js';

export type HeartbeatReply = z.infer<typeof heartbeatReply>;

/** An outage, of which the message tells all. */
const expected = (error: unknown): error is Error =>
  error instanceof BusUnavailableError || error instanceof RequestTimeoutError;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2000;
const REPLY_LIMIT_MS = 5000;

export interface MembershipOptions {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly workerId: string;
  readonly log: Logger;
  /** Told the api's time with each answer. */
  readonly clock: ApiClock;
  /** What this worker registers as now; resolves once all that it stopped is over. */
  registration(): Promise<Omit<MessageBody<'register'>, 'workerId'>>;
  /** The api knows what `registration` said. */
  onRegistered(registration: Omit<MessageBody<'register'>, 'workerId'>): void;
  /** What this worker tells of itself now. */
  heartbeat(): Omit<MessageBody<'heartbeat'>, 'workerId'>;
  onReply(reply: HeartbeatReply): void;
  /** No heartbeat got through for a whole lease: others may own what this worker runs. */
  onLeaseLost(): void;
  /** It has been renewed until `until`, on the clock of `performance.now()`. */
  onLease(until: number): void;
}

/** This worker's standing with the api: registration, heartbeats and the lease they renew. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #pause = new Pause();
  #stopWatching: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  #ended = false;
  #registered = false;
  #leaseMs = 0;
  #heartbeatMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #leaseTimer: NodeJS.Timeout | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Resolves once the api has answered, however long that takes, or after {@link Membership.end}. */
  async start(): Promise<void> {
    this.#stopWatching = this.#options.bus.onStateChange((state) => {
      if (state === 'connected') this.registerAgain();
    });
    await new Promise<void>((resolve) => {
      this.#loop = this.#run(resolve).finally(resolve);
    });
  }

  /** Registers and sends a heartbeat at once. */
  registerAgain(): void {
    this.#registered = false;
    this.#pause.wake();
  }

  /** Sends a heartbeat at once. */
  beatNow(): void {
    this.#pause.wake();
  }

  /** Ends heartbeats and takes leave, waiting `limitMs` for each of the two; never rejects. */
  async leave(limitMs: number): Promise<void> {
    this.#end();
    // An api that has gone leaves the heartbeat on its way unanswered for long.
    if (this.#loop) await within(limitMs, this.#loop);
    if (!this.#registered) return;
    const { workerId } = this.#options;
    await this.#ask('deregister', { workerId }, limitMs).catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the api did not answer the goodbye');
    });
  }

  #end(): void {
    this.#ended = true;
    this.#stopWatching?.();
    clearTimeout(this.#leaseTimer);
    this.#pause.wake();
  }

  async #run(onFirst: () => void): Promise<void> {
    while (!this.#ended) {
      const answered = await this.#beat();
      if (answered) onFirst();
      if (this.#ended) return;
      await this.#pause.for(answered ? this.#heartbeatMs : this.#retryMs);
      this.#retryMs = answered ? FIRST_RETRY_MS : Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  async #beat(): Promise<boolean> {
    try {
      if (!this.#registered) await this.#register();
      if (this.#ended) return true;
      if (!this.#registered) return false;
      const body = { workerId: this.#options.workerId, ...this.#options.heartbeat() };
      const sentAt = performance.now();
      const before = Date.now();
      const reply = heartbeatReply.parse(await this.#ask('heartbeat', body, this.#replyLimitMs));
      this.#options.clock.heard(reply.now, before, Date.now());
      if (this.#ended) return true;
      if (reply.known) this.#renew(sentAt);
      else this.#registered = false;
      this.#options.onReply(reply);
      return reply.known;
    } catch (error) {
      if (!this.#ended)
        this.#options.log.warn({ err: expected(error) ? error.message : error }, 'the api does not answer');
      return false;
    }
  }

  get #replyLimitMs(): number {
    return Math.min(REPLY_LIMIT_MS, Math.max(this.#heartbeatMs, 500));
  }

  async #register(): Promise<void> {
    const { workerId, log } = this.#options;
    const registration = await this.#options.registration();
    const sentAt = performance.now();
    const body = { workerId, ...registration };
    // A wish to register again that comes meanwhile is not answered by this.
    this.#registered = true;
    try {
      const before = Date.now();
      const reply = registerReply.parse(await this.#ask('register', body, REPLY_LIMIT_MS));
      this.#options.clock.heard(reply.now, before, Date.now());
      this.#leaseMs = reply.leaseMs;
      this.#heartbeatMs = reply.heartbeatMs;
    } catch (error) {
      this.#registered = false;
      throw error;
    }
    if (!this.#registered || this.#ended) return;
    log.info({ workflows: registration.workflows.map((each) => each.workflowName) }, 'registered');
    this.#renew(sentAt);
    this.#options.onRegistered(registration);
  }

  /** The lease counts from the sending: the api's own count begins later, so this worker stops earlier. */
  #renew(sentAt: number): void {
    clearTimeout(this.#leaseTimer);
    const until = sentAt + this.#leaseMs;
    this.#leaseTimer = setTimeout(() => this.#options.onLeaseLost(), until - performance.now());
    this.#options.onLease(until);
  }

  #ask(type: string, body: unknown, timeoutMs: number): Promise<unknown> {
    return this.#options.bus.request(this.#options.topology.requests, type, body, { timeoutMs });
  }
}
