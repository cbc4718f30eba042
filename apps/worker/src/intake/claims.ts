import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { claimReply, type ClaimResult, type MessageBody } from '@flux/contracts';
import { RequestTimeoutError, UnroutableError } from '@flux/messaging';
import type { WorkerBus } from '../ownership/worker-bus.js';

const REPLY_LIMIT_MS = 5000;
const TRIES = 3;
const LARGEST_BATCH = 64;

/** A claim that may have been granted: its answer has not come. */
type UnansweredClaim = MessageBody<'register'>['unanswered'][number];

interface Claim extends UnansweredClaim {
  readonly version: string | null;
  resolve(result: ClaimResult | undefined): void;
}

/** Asks the api for executions; the claims of one turn of the event loop travel together. */
export class Claims {
  readonly #options: Omit<WorkerBus, 'log'>;
  /**
   * The ids of claims without an answer, by execution: such a claim is asked again under its old id, lest it be
   * refused as taken.
   */
  readonly #unanswered = new Map<string, string>();
  #gathered: Claim[] = [];
  readonly #underWay = new Set<string>();
  #givenUp: UnansweredClaim[] = [];

  constructor(options: Omit<WorkerBus, 'log'>) {
    this.#options = options;
  }

  /**
   * The api's decision; `undefined` when there was none, however often it was asked. Never rejects.
   * @param version of the execution's workflow, as this worker has it
   */
  async claim(executionId: string, version: string | null): Promise<ClaimResult | undefined> {
    const claimId = this.#unanswered.get(executionId) ?? randomUUID();
    this.#unanswered.set(executionId, claimId);
    this.#underWay.add(executionId);
    const result = await new Promise<ClaimResult | undefined>((resolve) => {
      this.#gathered.push({ claimId, executionId, version, resolve });
      if (this.#gathered.length === 1) setImmediate(() => this.#sendAll());
    });
    this.#underWay.delete(executionId);
    if (result) this.#unanswered.delete(executionId);
    return result;
  }

  /** The executions that are being asked for: whether they are this worker's is not known yet. */
  underWay(): string[] {
    return [...this.#underWay];
  }

  /**
   * Gives up the claims that nobody waits for now. Lists them, and the earlier ones that the api does not know of
   * yet.
   */
  giveUp(): readonly UnansweredClaim[] {
    for (const [executionId, claimId] of this.#unanswered) {
      if (this.#underWay.has(executionId)) continue;
      this.#unanswered.delete(executionId);
      this.#givenUp.push({ executionId, claimId });
    }
    return [...this.#givenUp];
  }

  /** Forgets given up claims that the api knows of. */
  told(list: readonly UnansweredClaim[]): void {
    const ids = new Set(list.map(({ claimId }) => claimId));
    this.#givenUp = this.#givenUp.filter(({ claimId }) => !ids.has(claimId));
  }

  #sendAll(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let start = 0; start < gathered.length; start += LARGEST_BATCH) {
      void this.#send(gathered.slice(start, start + LARGEST_BATCH));
    }
  }

  async #send(claims: readonly Claim[]): Promise<void> {
    const results = await this.#ask(claims).catch(() => []);
    for (const [index, claim] of claims.entries()) claim.resolve(results[index]);
  }

  async #ask(claims: readonly Claim[]): Promise<readonly ClaimResult[]> {
    const { bus, topology, workerId } = this.#options;
    const wishes = claims.map(({ claimId, executionId, version }) => ({ claimId, executionId, version }));
    const body = { workerId, claims: wishes };
    for (let tries = 1; ; tries += 1) {
      try {
        const options = { timeoutMs: REPLY_LIMIT_MS };
        const reply = await bus.request(topology.dataRequests, 'claim', body, options);
        return claimReply.parse(reply).results;
      } catch (error) {
        const unroutable = error instanceof UnroutableError;
        if (tries >= TRIES || !(unroutable || error instanceof RequestTimeoutError)) throw error;
        if (unroutable) await wait(1000);
      }
    }
  }
}
