import type { Statement } from '../database/database.js';

/**
 * $1 id, $2 name, $3 concurrency, $4 runners, $5 workflows, $6 started at, $7 lease in milliseconds, $8 versions of
 * the workflows. A worker that was found lost and says it is here is live again; what others got meanwhile is theirs.
 * Leases and losses are told by the database's clock alone: the clocks of replicas differ.
 */
export const UPSERT_WORKER: Statement = {
  name: 'upsert_worker',
  text: `
INSERT INTO workers (id, name, state, concurrency, runners, workflows, started_at, last_seen_at, lease_until, versions)
VALUES ($1, $2, 'running', $3, $4, $5, $6, now(), now() + $7::float8 * interval '1 millisecond', $8)
ON CONFLICT (id) DO UPDATE SET
  state = 'running', lost_at = NULL, concurrency = EXCLUDED.concurrency, runners = EXCLUDED.runners,
  workflows = EXCLUDED.workflows, versions = EXCLUDED.versions, last_seen_at = EXCLUDED.last_seen_at,
  lease_until = EXCLUDED.lease_until`,
};

/**
 * $1 names, $2 schemas, $3 grace periods, $4 timeouts, $5 runners, $6 now, $7 versions, $8 cancelOn; ordered, against
 * deadlocks
 */
export const UPSERT_WORKFLOWS: Statement = {
  name: 'upsert_workflows',
  text: `
INSERT INTO workflows (
  name, version, input_schema, grace_period_ms, timeout_ms, runner, cancel_on, registered_at, first_registered_at
)
SELECT name, version, input_schema::json, grace_period_ms, timeout_ms, runner, cancel_on::json, $6::timestamptz, $6::timestamptz
FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::text[], $7::text[], $8::text[])
  AS registered (name, input_schema, grace_period_ms, timeout_ms, runner, version, cancel_on)
ORDER BY name
ON CONFLICT (name, version) DO UPDATE SET
  input_schema = EXCLUDED.input_schema, grace_period_ms = EXCLUDED.grace_period_ms,
  timeout_ms = EXCLUDED.timeout_ms, runner = EXCLUDED.runner, cancel_on = EXCLUDED.cancel_on,
  registered_at = EXCLUDED.registered_at`,
};

/** $1 id, $2 state, $3 lease in milliseconds, $4 blocked runners → a row when the worker is known */
export const RENEW_LEASE: Statement = {
  name: 'renew_lease',
  text: `
UPDATE workers SET
  state = $2, last_seen_at = now(), lease_until = now() + $3::float8 * interval '1 millisecond',
  blocked = $4::json
WHERE id = $1 AND state IN ('running', 'draining')
RETURNING id`,
};

/** $1 ids, $2 state → the ids of those that were live */
export const END_WORKERS: Statement = {
  name: 'end_workers',
  text: `
UPDATE workers SET
  state = $2,
  lost_at = CASE WHEN $2 = 'lost' THEN now() END,
  last_seen_at = CASE WHEN $2 = 'stopped' THEN now() ELSE last_seen_at END
WHERE id = ANY($1::text[]) AND state IN ('running', 'draining')
RETURNING id`,
};

/** → ids of live workers */
export const LIVE_WORKERS: Statement = {
  name: 'live_workers',
  text: "SELECT id FROM workers WHERE state IN ('running', 'draining')",
};

/** → ids of live workers that let their lease run out */
export const EXPIRED_WORKERS: Statement = {
  name: 'expired_workers',
  text: "SELECT id FROM workers WHERE state IN ('running', 'draining') AND lease_until < now()",
};

/**
 * $1 milliseconds since a worker was lost, $2 since it has stopped, $3 most rows → executions whose owner is gone for so
 * long. A lost worker that lives has stopped them by then; a stopped one's last checkpoints may still be in their queue.
 */
export const READ_ORPHANS: Statement = {
  name: 'read_orphans',
  text: `
SELECT e.id AS "executionId", w.id AS "workerId", w.state AS "workerState",
  (w.state = 'lost' AND w.lease_until <= w.lost_at) AS "isSilent"
FROM workers w
JOIN executions e ON e.worker_id = w.id AND e.state IN ('RUNNING', 'CANCELLING')
WHERE (w.state = 'lost' AND w.lost_at <= now() - $1::float8 * interval '1 millisecond')
  OR (w.state = 'stopped' AND w.last_seen_at < now() - $2::float8 * interval '1 millisecond')
LIMIT $3::int`,
};

/** $1 since when it must have been gone */
export const FORGET_WORKERS: Statement = {
  name: 'forget_workers',
  text: `
DELETE FROM workers w
WHERE w.state IN ('lost', 'stopped') AND w.last_seen_at < $1::timestamptz
  AND NOT EXISTS (
    SELECT FROM executions e WHERE e.worker_id = w.id AND e.state IN ('RUNNING', 'CANCELLING')
  )`,
};

/** Forgets versions that no worker has had for a day, where there is a newer one. */
export const FORGET_VERSIONS: Statement = {
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
