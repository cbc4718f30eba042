import type { Execute } from './execution-statements.js';
import { unnested } from './sql-text.js';
import { isLiveWorker, timeOf, type Columns } from './tables.js';

const upsertWorker: Execute = ({ workers }, values, _statement, now) => {
  const [id, name, concurrency, runners, workflows, startedAt, leaseMs, versions] = values;
  const started_at = (startedAt as Date).getTime();
  const before = workers.get(id as string) ?? { id, name, started_at, blocked: '[]' };
  const seen = { last_seen_at: now, lease_until: now + (leaseMs as number) };
  const told = { concurrency, runners, workflows, versions, ...seen };
  workers.set(id as string, { ...before, state: 'running', lost_at: null, ...told });
  return [];
};

const upsertWorkflows: Execute = ({ workflows }, values, statement) => {
  const registered_at = (values[5] as Date).getTime();
  for (const row of unnested(statement, 'registered', values)) {
    const key = JSON.stringify([row.name, row.version]);
    const first_registered_at = workflows.get(key)?.first_registered_at ?? registered_at;
    workflows.set(key, { ...row, registered_at, first_registered_at });
  }
  return [];
};

const renewLease: Execute = ({ workers }, [id, state, leaseMs, blocked], _statement, now) => {
  const worker = workers.get(id as string);
  if (!worker || !isLiveWorker(worker)) return [];
  workers.set(id as string, {
    ...worker,
    state,
    last_seen_at: now,
    lease_until: now + (leaseMs as number),
    blocked,
  });
  return [{ id }];
};

const endWorkers: Execute = ({ workers }, [ids, state], _statement, now) =>
  (ids as string[]).flatMap((id) => {
    const worker = workers.get(id);
    if (!worker || !isLiveWorker(worker)) return [];
    const last_seen_at = state === 'stopped' ? now : worker.last_seen_at;
    workers.set(id, { ...worker, state, lost_at: state === 'lost' ? now : null, last_seen_at });
    return [{ id }];
  });

/** Of each workflow the newest version that a live worker has, else the newest. */
const readWorkflows: Execute = ({ workflows, workers }) => {
  const isHeld = ({ name, version }: Columns): number =>
    [...workers.values()].some(
      (worker) =>
        worker.state === 'running' &&
        (worker.workflows as unknown[]).some(
          (own, index) => own === name && (worker.versions as unknown[])[index] === version,
        ),
    )
      ? 1
      : 0;
  const newest = [...workflows.values()].sort(
    (a, b) =>
      isHeld(b) - isHeld(a) ||
      (timeOf(b, 'first_registered_at') ?? 0) - (timeOf(a, 'first_registered_at') ?? 0) ||
      (String(a.version) < String(b.version) ? 1 : -1),
  );
  const names = [...new Set(newest.map(({ name }) => String(name)))].sort();
  return names.flatMap((name) => {
    const found = newest.find((row) => row.name === name);
    return found ? [toDefinition(found)] : [];
  });
};

function toDefinition(row: Columns): Columns {
  return {
    workflowName: row.name,
    version: row.version === '' ? null : row.version,
    inputSchema: row.input_schema === null ? null : JSON.parse(row.input_schema as string),
    gracePeriodMs: row.grace_period_ms,
    timeoutMs: row.timeout_ms,
    runner: row.runner,
    cancelOn: row.cancel_on === null ? [] : JSON.parse(row.cancel_on as string),
  };
}

/** The statements about workers and workflows, by name. */
export const FLEET_STATEMENTS: Readonly<Record<string, Execute>> = {
  upsert_worker: upsertWorker,
  upsert_workflows: upsertWorkflows,
  renew_lease: renewLease,
  end_workers: endWorkers,
  is_live_worker: ({ workers }, [id]) => {
    const worker = workers.get(id as string);
    return worker && isLiveWorker(worker) ? [{ '?column?': 1 }] : [];
  },
  live_workers: ({ workers }) => [...workers.values()].filter(isLiveWorker).map(({ id }) => ({ id })),
  read_takers: ({ workers }, [heardWithinMs], _statement, now) =>
    [...workers.values()]
      .filter((worker) => worker.state === 'running')
      .filter((worker) => (timeOf(worker, 'last_seen_at') ?? 0) > now - (heardWithinMs as number))
      .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
      .map(({ id, workflows, versions }) => ({ workerId: id, workflows, versions })),
  expired_workers: ({ workers }, _values, _statement, now) =>
    [...workers.values()]
      .filter((worker) => isLiveWorker(worker) && (timeOf(worker, 'lease_until') ?? 0) < now)
      .map(({ id }) => ({ id })),
  read_workflows: readWorkflows,
  read_live_versions: ({ workers }) => {
    const held = [...workers.values()].flatMap(({ state, workflows, versions }) =>
      state === 'running'
        ? (workflows as unknown[]).map((name, index) => [name, (versions as unknown[])[index]] as const)
        : [],
    );
    const distinct = new Map(held.map((each) => [JSON.stringify(each), each]));
    return [...distinct.values()].map(([workflowName, version]) => ({ workflowName, version }));
  },
  // Bulk cancels and schedules are not played: there are none of them.
  open_cancellations: () => [],
  find_due_schedules: () => [],
};
