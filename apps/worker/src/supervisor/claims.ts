import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { claimReply, type ClaimResult, type Topology } from '@flux/contracts';
import { RequestTimeoutError, UnroutableError, type Bus } from '@flux/messaging';

const REPLY_LIMIT_MS = 5000;
const TRIES = 3;
const LARGEST_BATCH = 64;

/** A question of which nobody knows whether it was granted. */
export interface UnansweredClaim {
  readonly claimId: string;
  readonly executionId: string;
}

interface Claim {
  readonly claimId: string;
  readonly executionId: string;
  readonly version: string | null;
  resolve(result: ClaimResult | undefined): void;
}

/** Asks the api for executions; what is asked in one turn of the event loop travels together. */
export class Claims {
  /** By execution: a claim without an answer is asked again under its old id, lest it be refused as taken. */
  readonly #unanswered = new Map<string, string>();
  #gathered: Claim[] = [];
  readonly #underWay = new Set<string>();
  #givenUp: UnansweredClaim[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly topology: Topology,
    private readonly workerId: string,
  ) {}

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

  /** Gives up the claims that nobody waits for now, and lists these and the earlier ones of which the api does not know. */
  giveUp(): readonly UnansweredClaim[] {
    for (const [executionId, claimId] of this.#unanswered) {
      if (this.#underWay.has(executionId)) continue;
      this.#unanswered.delete(executionId);
      this.#givenUp.push({ executionId, claimId });
    }
    return [...this.#givenUp];
  }

  /** The api knows of these. */
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
    const { workerId } = this;
    const wishes = claims.map(({ claimId, executionId, version }) => ({ claimId, executionId, version }));
    const body = { workerId, claims: wishes };
    for (let tries = 1; ; tries += 1) {
      try {
        const reply = await this.bus.request(this.topology.requests, 'claim', body, {
          timeoutMs: REPLY_LIMIT_MS,
        });
        return claimReply.parse(reply).results;
      } catch (error) {
        const unroutable = error instanceof UnroutableError;
        if (tries >= TRIES || !(unroutable || error instanceof RequestTimeoutError)) throw error;
        if (unroutable) await wait(1000);
      }
    }
  }
}
