import type { WorkerWish, WorkflowDefinition } from '@flux/contracts';
import type { Database, Statement } from '../database/database.js';
import { isoOrNull } from '../lifecycle/timing.js';
import type { AvailableWorker, LiveVersion, WorkerStore, WorkflowStore } from './ports.js';
import { listOf, rowsParameter } from './sql.js';

/** The states of workers that are there. */
export const LIVE = ['running', 'draining'] as const;
const IS_LIVE = `state IN (${listOf(LIVE)})`;

/** The wish for the name of a row of `workers`. */
const WISH = `COALESCE(
  (SELECT json_build_object('number', w.number, 'kind', w.kind) FROM worker_wishes w WHERE w.name = workers.name),
  '{"number":0,"kind":null}'
) AS wish`;

/**
 * $1 id, $2 name, $3 concurrency, $4 runners, $5 workflows, $6 started at, $7 lease in milliseconds, $8 versions of
 * the workflows.
 */
const UPSERT_WORKER: Statement = {
  name: 'upsert_worker',
  text: `
INSERT INTO workers (id, name, state, concurrency, runners, workflows, started_at, last_seen_at, lease_until, versions)
VALUES ($1, $2, 'running', $3, $4, $5, $6, now(), now() + $7::float8 * interval '1 millisecond', $8)
ON CONFLICT (id) DO UPDATE SET
  state = 'running', lost_at = NULL, concurrency = EXCLUDED.concurrency, runners = EXCLUDED.runners,
  workflows = EXCLUDED.workflows, versions = EXCLUDED.versions, last_seen_at = EXCLUDED.last_seen_at,
  lease_until = EXCLUDED.lease_until, asked_at = NULL
RETURNING ${WISH}`,
};

const jsonOf = (value: unknown): string | null => (value ? JSON.stringify(value) : null);

const REGISTERED = rowsParameter<WorkflowDefinition>('registered', 1, [
  ['name', 'text', (each) => each.workflowName],
  ['version', 'text', (each) => each.version ?? ''],
  ['input_schema', 'text', (each) => jsonOf(each.inputSchema)],
  ['grace_period_ms', 'float8', (each) => each.gracePeriodMs],
  ['timeout_ms', 'float8', (each) => each.timeoutMs],
  ['runner', 'text', (each) => each.runner],
  ['cancel_on', 'text', (each) => jsonOf(each.cancelOn)],
]);
const REGISTERED_AT = `$${REGISTERED.next}::timestamptz`;

/** Ordered, against deadlocks. */
const UPSERT_WORKFLOWS: Statement = {
  name: 'upsert_workflows',
  text: `
INSERT INTO workflows (
  name, version, input_schema, grace_period_ms, timeout_ms, runner, cancel_on, registered_at, first_registered_at
)
SELECT name, version, input_schema::json, grace_period_ms, timeout_ms, runner, cancel_on::json, ${REGISTERED_AT}, ${REGISTERED_AT}
FROM ${REGISTERED.text}
ORDER BY name
ON CONFLICT (name, version) DO UPDATE SET
  input_schema = EXCLUDED.input_schema, grace_period_ms = EXCLUDED.grace_period_ms,
  timeout_ms = EXCLUDED.timeout_ms, runner = EXCLUDED.runner, cancel_on = EXCLUDED.cancel_on,
  registered_at = EXCLUDED.registered_at`,
};

/** $1 id, $2 state, $3 lease in milliseconds, $4 blocked runners, $5 changed files, $6 strays → wish, when the worker is known */
const RENEW_LEASE: Statement = {
  name: 'renew_lease',
  text: `
UPDATE workers SET
  state = $2, last_seen_at = now(), lease_until = now() + $3::float8 * interval '1 millisecond',
  blocked = $4::json, changed_files = $5::json, strays = $6::json, asked_at = NULL
WHERE id = $1 AND ${IS_LIVE}
RETURNING ${WISH}`,
};

/** $1 ids, $2 state → the ids of those that were live */
const END_WORKERS: Statement = {
  name: 'end_workers',
  text: `
UPDATE workers SET
  state = $2,
  lost_at = CASE WHEN $2 = 'lost' THEN now() END,
  last_seen_at = CASE WHEN $2 = 'stopped' THEN now() ELSE last_seen_at END
WHERE id = ANY($1::text[]) AND ${IS_LIVE}
RETURNING id`,
};

/** $1 id → wish, when the worker is live */
const READ_WISH: Statement = {
  name: 'read_wish',
  text: `SELECT ${WISH} FROM workers WHERE id = $1 AND ${IS_LIVE}`,
};

/** $1 name, $2 kind, $3 requested by, $4 reason → number, isNew; no row for a name that is not known */
const WISH_BY_HAND: Statement = {
  name: 'wish_by_hand',
  text: `
WITH known AS (
  SELECT (SELECT number FROM worker_wishes WHERE name = $1::text) AS number
  WHERE EXISTS (SELECT FROM workers WHERE name = $1::text)
    OR EXISTS (SELECT FROM worker_wishes WHERE name = $1::text)
), wished AS (
  INSERT INTO worker_wishes AS w (name, number, kind, requested_by, reason, since)
  SELECT $1::text, 1, $2::text, $3::text, $4::text, now() FROM known
  WHERE $2::text IS NOT NULL OR number IS NOT NULL
  ON CONFLICT (name) DO UPDATE SET
    number = w.number + 1, kind = EXCLUDED.kind, requested_by = EXCLUDED.requested_by, reason = EXCLUDED.reason,
    since = EXCLUDED.since
  WHERE w.kind IS DISTINCT FROM EXCLUDED.kind
  RETURNING w.number
)
SELECT COALESCE((SELECT number FROM wished), number, 0) AS number, EXISTS (SELECT FROM wished) AS "isNew" FROM known`,
};

const LIVE_WORKERS: Statement = { name: 'live_workers', text: `SELECT id FROM workers WHERE ${IS_LIVE}` };

/** $1 milliseconds */
const ASK_EXPIRING: Statement = {
  name: 'ask_expiring',
  text: `
UPDATE workers SET asked_at = COALESCE(asked_at, now())
WHERE ${IS_LIVE} AND lease_until < now() + $1::float8 * interval '1 millisecond'
RETURNING id`,
};

/** $1 milliseconds */
const EXPIRED_WORKERS: Statement = {
  name: 'expired_workers',
  text: `
SELECT id FROM workers
WHERE ${IS_LIVE} AND lease_until < now() AND asked_at <= now() - $1::float8 * interval '1 millisecond'`,
};

/** $1 milliseconds */
const AVAILABLE_WORKERS: Statement = {
  name: 'available_workers',
  text: `
SELECT k.id AS "workerId", k.workflows, k.versions, w.kind IS NOT NULL AS "isPaused"
FROM workers k LEFT JOIN worker_wishes w ON w.name = k.name
WHERE k.state = 'running' AND k.last_seen_at > now() - $1::float8 * interval '1 millisecond'
  AND w.kind IS DISTINCT FROM 'drain'
ORDER BY k.id`,
};

interface Wished {
  readonly wish: WorkerWish;
}

/** The {@link WorkerStore} on PostgreSQL. */
export function postgresWorkers(database: Database): WorkerStore {
  const find = async (statement: Statement, values: readonly unknown[] = []): Promise<string[]> =>
    (await database.query<{ id: string }>(statement, values)).map(({ id }) => id);
  const findWish = async (
    statement: Statement,
    values: readonly unknown[],
  ): Promise<WorkerWish | undefined> => (await database.query<Wished>(statement, values))[0]?.wish;
  return {
    now: () => database.now(),
    register: (worker, leaseMs) =>
      database.transaction(async (tx) => {
        const { workflows, ...own } = worker;
        const now = isoOrNull(database.now());
        await tx.query(UPSERT_WORKFLOWS, [...REGISTERED.values(workflows), now]);
        const names = workflows.map(({ workflowName }) => workflowName);
        const versions = workflows.map(({ version }) => version ?? '');
        const { workerId, name, concurrency, runners, startedAt } = own;
        const about = [workerId, name, concurrency, runners, names, new Date(startedAt), leaseMs, versions];
        return (await tx.query<Wished>(UPSERT_WORKER, about))[0]!.wish;
      }),
    renewLease: async ({ workerId, state, blocked, changedFiles = [], strays = [] }, leaseMs) => {
      const lists = [blocked, changedFiles, strays].map((list) => JSON.stringify(list));
      return findWish(RENEW_LEASE, [workerId, state, leaseMs, ...lists]);
    },
    readWish: (id) => findWish(READ_WISH, [id]),
    wish: async (name, { kind, requestedBy, reason }) => {
      const values = [name, kind, requestedBy, reason];
      const [found] = await database.query<{ number: number; isNew: boolean }>(WISH_BY_HAND, values);
      return found && { wish: { number: found.number, kind }, isNew: found.isNew };
    },
    end: (ids, state) => find(END_WORKERS, [ids, state]),
    findLive: () => find(LIVE_WORKERS),
    askExpiring: (leftMs) => find(ASK_EXPIRING, [leftMs]),
    findExpired: (askedForMs) => find(EXPIRED_WORKERS, [askedForMs]),
    readAvailable: (heardWithinMs) => database.query<AvailableWorker>(AVAILABLE_WORKERS, [heardWithinMs]),
  };
}

const NEWEST_WORKFLOWS: Statement = {
  name: 'newest_workflows',
  text: `
SELECT DISTINCT ON (w.name) w.name AS "workflowName", NULLIF(w.version, '') AS version,
  w.input_schema AS "inputSchema", w.grace_period_ms AS "gracePeriodMs", w.timeout_ms AS "timeoutMs", w.runner,
  COALESCE(w.cancel_on, '[]') AS "cancelOn"
FROM workflows w
ORDER BY w.name, EXISTS (
    SELECT FROM workers k, unnest(k.workflows, k.versions) AS has (name, version)
    WHERE k.state = 'running' AND has.name = w.name AND has.version = w.version
  ) DESC, w.first_registered_at DESC, w.version DESC`,
};

const LIVE_VERSIONS: Statement = {
  name: 'live_versions',
  text: `
SELECT DISTINCT has.name AS "workflowName", has.version
FROM workers k, unnest(k.workflows, k.versions) AS has (name, version)
WHERE k.state = 'running'`,
};

/** The {@link WorkflowStore} on PostgreSQL. */
export function postgresWorkflows(database: Database): WorkflowStore {
  return {
    readNewest: () => database.query<WorkflowDefinition>(NEWEST_WORKFLOWS, []),
    readLiveVersions: () => database.query<LiveVersion>(LIVE_VERSIONS, []),
  };
}
