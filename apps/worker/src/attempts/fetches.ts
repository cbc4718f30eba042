import { setTimeout as wait } from 'node:timers/promises';
import {
  childEndReply,
  historyReply,
  inputReply,
  type ChildFinished,
  type ClaimGrant,
  type MessageBody,
} from '@flux/contracts';
import { BusUnavailableError, RequestTimeoutError, UnroutableError } from '@flux/messaging';
import { FairTurns } from '../flow/fair-turns.js';
import type { ApiClock } from '../ownership/api-clock.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import type { Runner } from '../runners/runner.js';
import type { Attempt } from './attempt.js';

/** So few that small messages of others, on a slow link, never wait for long behind the answers. */
const MOST_UNDER_WAY = 2;
/** Until the first part of an answer. */
const REPLY_LIMIT_MS = 2000;
const PAUSE_MS = 200;

type FetchType = 'history' | 'input' | 'child_end';
type Asked<T extends FetchType> = Omit<MessageBody<T>, 'workerId' | 'executionId' | 'attempt'>;

interface Schema<Reply> {
  parse(reply: unknown): Reply;
}

/** Asks the api for what is too large to come by itself, until it has come or the attempt has ended here. */
export class Fetches {
  readonly #worker: WorkerBus & { readonly clock: ApiClock };
  readonly #turns = new FairTurns(MOST_UNDER_WAY);
  /** The ends of children that are asked for: their words come again with each heartbeat. */
  readonly #ends = new Set<string>();

  constructor(worker: WorkerBus & { readonly clock: ApiClock }) {
    this.#worker = worker;
  }

  /**
   * Brings a runner what was too large for the grant of its execution: the input, and the rest of the history. The
   * execution, whose start said that more follows, begins once all is there and the runner has loaded. Messages to the
   * execution wait in the runner meanwhile, so after a cancel none of its code begins. Never rejects.
   * @returns false when the attempt is not this worker's any more
   */
  async completeStart(attempt: Attempt, runner: Runner, grant: ClaimGrant): Promise<boolean> {
    if (grant.inputFollows) {
      const reply = await this.#fetch(attempt, 'input', {}, inputReply);
      if (!reply?.owned) return reply === undefined;
      attempt.tellRunner({ kind: 'input', input: reply.input });
    }
    for (let { next } = grant; next !== undefined;) {
      const page = await this.#fetch(attempt, 'history', { after: next }, historyReply);
      if (!page?.owned) return page === undefined;
      const entries = this.#worker.clock.toOurs(page.entries);
      attempt.tellRunner({ kind: 'history', entries, more: true });
      next = page.next;
    }
    // A runner that cannot load is killed, and its death gives back the executions that it holds.
    await runner.loaded.catch(() => undefined);
    attempt.tellRunner({ kind: 'history', entries: [], more: false });
    return true;
  }

  /**
   * The end with that number of a child; `undefined` when the end is being asked for already, and once the attempt has
   * ended or is not this worker's any more.
   */
  async childEnd(attempt: Attempt, number: number): Promise<ChildFinished | undefined> {
    const key = `${attempt.handle} ${number}`;
    if (this.#ends.has(key)) return undefined;
    this.#ends.add(key);
    const reply = await this.#fetch(attempt, 'child_end', { number }, childEndReply);
    this.#ends.delete(key);
    return reply?.entry ?? undefined;
  }

  /** `undefined` once the attempt has ended. */
  #fetch<T extends FetchType, Reply>(
    attempt: Attempt,
    type: T,
    asked: Asked<T>,
    schema: Schema<Reply>,
  ): Promise<Reply | undefined> {
    return this.#turns.run(attempt, () => this.#ask(attempt, type, asked, schema));
  }

  async #ask<T extends FetchType, Reply>(
    attempt: Attempt,
    type: T,
    asked: Asked<T>,
    schema: Schema<Reply>,
  ): Promise<Reply | undefined> {
    const { bus, topology, workerId, log } = this.#worker;
    const body = { workerId, ...attempt.ref, ...asked };
    while (attempt.isRunning) {
      try {
        const options = { timeoutMs: REPLY_LIMIT_MS };
        const reply = schema.parse(await bus.request(topology.dataRequests, type, body, options));
        return attempt.isRunning ? reply : undefined;
      } catch (error) {
        const reason = isOutage(error) ? error.message : error;
        log.warn({ err: reason, ...attempt.ref, asked: type }, 'what an execution needs has not come yet');
        await wait(PAUSE_MS);
      }
    }
    return undefined;
  }
}

/** Whether the error is an outage, whose message tells all. */
function isOutage(error: unknown): error is Error {
  return (
    error instanceof RequestTimeoutError ||
    error instanceof BusUnavailableError ||
    error instanceof UnroutableError
  );
}
