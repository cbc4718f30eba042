import type { BlockedRunner, Strays, WorkerHold, WorkerResource, WorkflowDefinition } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';
import { isoOrNull } from '../lifecycle/timing.js';
import { OWNED } from './sql.js';

/** A worker incarnation. */
export interface WorkerRecord extends Pick<
  WorkerResource,
  'name' | 'state' | 'concurrency' | 'runners' | 'workflows'
> {
  readonly id: string;
  /** The version of each of the workflows, at the same index; `''` for none. */
  readonly versions: readonly string[];
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  /** The blocked runners as the last heartbeat told of them. */
  readonly blocked: readonly BlockedRunner[];
  /** The files that differ from what it runs, likewise. */
  readonly changedFiles: readonly string[];
  /** What executions of its workflows left open in its shared runners, likewise. */
  readonly strays: readonly Strays[];
  /** Its wish is null where the name was never asked by hand, or was resumed. */
  readonly wish: WorkerHold['wish'] | null;
  readonly wishedBy: string;
  readonly wishReason: string | null;
  readonly wishedAt: Date;
}

/** $1 name → WorkerRecord's wish, for names with a wish but perhaps no worker */
const READ_HOLD: Statement = {
  name: 'read_hold',
  text: `
SELECT kind AS wish, requested_by AS "requestedBy", reason, since
FROM worker_wishes WHERE name = $1::text AND kind IS NOT NULL`,
};

/** $1 since when they must have been seen */
const READ_WORKERS: Statement = {
  name: 'read_workers',
  text: `
SELECT k.id, k.name, k.state, k.concurrency, k.runners, k.workflows, k.versions, k.started_at AS "startedAt",
  k.last_seen_at AS "lastSeenAt", k.blocked, k.changed_files AS "changedFiles", k.strays,
  w.kind AS wish, w.requested_by AS "wishedBy", w.reason AS "wishReason", w.since AS "wishedAt"
FROM workers k LEFT JOIN worker_wishes w ON w.name = k.name
WHERE k.last_seen_at > $1::timestamptz`,
};

/** A version of a workflow as a worker registered it last. */
export interface WorkflowRecord extends Required<Omit<WorkflowDefinition, 'workflowName' | 'version'>> {
  readonly name: string;
  /** `''` for none. */
  readonly version: string;
  readonly firstRegisteredAt: Date;
  readonly registeredAt: Date;
}

const READ_WORKFLOWS: Statement = {
  name: 'read_workflows',
  text: `
SELECT name, version, input_schema AS "inputSchema", grace_period_ms AS "gracePeriodMs", timeout_ms AS "timeoutMs",
  runner, COALESCE(cancel_on, '[]') AS "cancelOn", first_registered_at AS "firstRegisteredAt",
  registered_at AS "registeredAt"
FROM workflows
ORDER BY name, first_registered_at, version`,
};

const PING: Statement = {
  name: 'ping',
  text: "SELECT current_setting('transaction_read_only') = 'on' AS \"readOnly\"",
};

/** → how many executions each worker owns */
const COUNT_OWNED: Statement = {
  name: 'count_owned',
  text: `
SELECT worker_id AS "workerId", count(*)::int AS running
FROM executions
WHERE worker_id IS NOT NULL AND state IN (${OWNED})
GROUP BY worker_id`,
};

/** $1 since when it must have been gone */
const FORGET_WORKERS: Statement = {
  name: 'forget_workers',
  text: `
DELETE FROM workers w
WHERE w.state IN ('lost', 'stopped') AND w.last_seen_at < $1::timestamptz
  AND NOT EXISTS (
    SELECT FROM executions e WHERE e.worker_id = w.id AND e.state IN (${OWNED})
  )`,
};

/** Forgets names that were resumed and have no worker. */
const FORGET_WISHES: Statement = {
  name: 'forget_wishes',
  text: `
DELETE FROM worker_wishes w
WHERE w.kind IS NULL AND NOT EXISTS (SELECT FROM workers k WHERE k.name = w.name)`,
};

/** Forgets versions that no worker has had for a day, where there is a newer one. */
const FORGET_VERSIONS: Statement = {
  name: 'forget_versions',
  text: `
DELETE FROM workflows w
WHERE NOT EXISTS (
    SELECT FROM workers k, unnest(k.workflows, k.versions) AS has (name, version)
    WHERE has.name = w.name AND has.version = w.version
  ) AND EXISTS (
    SELECT FROM workflows newer WHERE newer.name = w.name AND newer.first_registered_at > w.first_registered_at
  )`,
};

/** The lists of workers and workflows that operators see, and how they are kept short. */
export class FleetStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The workers seen within the last `seenWithinMs` milliseconds; a live one always is. */
  workers(seenWithinMs: number): Promise<WorkerRecord[]> {
    const since = isoOrNull(this.#database.now() - seenWithinMs);
    return this.#database.query<WorkerRecord>(READ_WORKERS, [since]);
  }

  /** All versions, those of a workflow oldest first. */
  workflows(): Promise<WorkflowRecord[]> {
    return this.#database.query<WorkflowRecord>(READ_WORKFLOWS, []);
  }

  /** What the workers of a name were asked by hand. */
  async hold(name: string): Promise<WorkerHold | null> {
    const [hold] = await this.#database.query<Omit<WorkerHold, 'since'> & { since: Date }>(READ_HOLD, [name]);
    return hold ? { ...hold, since: hold.since.toISOString() } : null;
  }

  /** How many executions each worker owns. */
  async countOwned(): Promise<Map<string, number>> {
    const counts = await this.#database.query<{ workerId: string; running: number }>(COUNT_OWNED, []);
    return new Map(counts.map(({ workerId, running }) => [workerId, running]));
  }

  /** Why the database does no work; `undefined` when it does. */
  async databaseFault(): Promise<string | undefined> {
    return this.#database.query<{ readOnly: boolean }>(PING, []).then(
      ([row]) => (row?.readOnly ? 'the database is read-only' : this.#database.fault()),
      (error: unknown) => (error as Error).message,
    );
  }

  /** Removes workers that have been gone for so many milliseconds, and then versions that only they had. */
  async forget(goneForMs: number): Promise<void> {
    await this.#database.query(FORGET_WORKERS, [isoOrNull(this.#database.now() - goneForMs)]);
    await this.#database.query(FORGET_VERSIONS, []);
    await this.#database.query(FORGET_WISHES, []);
  }
}
