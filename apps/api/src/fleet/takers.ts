import type { MessageBody } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';

/** How long an answer from the database is trusted. */
const TRUST_MS = 250;
/** So many intervals between heartbeats may pass until a worker no longer counts as one that answers. */
const MOST_INTERVALS = 1.5;

/** $1 milliseconds → the running workers that were heard of since, with what they take; `''` is no version */
const READ_TAKERS: Statement = {
  name: 'read_takers',
  text: `
SELECT id AS "workerId", workflows, versions
FROM workers
WHERE state = 'running' AND last_seen_at > now() - $1::float8 * interval '1 millisecond'
ORDER BY id`,
};

interface Taker {
  readonly workerId: string;
  readonly workflows: readonly string[];
  readonly versions: readonly string[];
}

/** The workers that take executions and have answered lately. */
export class Takers {
  readonly #database: Database;
  readonly #heardWithinMs: number;
  #takers: Promise<readonly Taker[]> = Promise.resolve([]);
  #readAt = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(database: Database, heartbeatMs: number) {
    this.#database = database;
    this.#heardWithinMs = heartbeatMs * MOST_INTERVALS;
  }

  /** The id of one that can take the execution, each in its turn; `undefined` when there is none. */
  async next({ workflowName, version }: MessageBody<'run'>): Promise<string | undefined> {
    const isTaken = ({ workflows, versions }: Taker): boolean =>
      workflows.some(
        (each, index) =>
          each === workflowName && (version === undefined || versions[index] === (version ?? '')),
      );
    const takers = (await this.#read()).filter(isTaken);
    this.#turn += 1;
    return takers[this.#turn % takers.length]?.workerId;
  }

  #read(): Promise<readonly Taker[]> {
    const now = performance.now();
    if (now - this.#readAt < TRUST_MS) return this.#takers;
    this.#readAt = now;
    this.#takers = this.#database.query<Taker>(READ_TAKERS, [this.#heardWithinMs]);
    this.#takers.catch(() => (this.#readAt = Number.NEGATIVE_INFINITY));
    return this.#takers;
  }
}
