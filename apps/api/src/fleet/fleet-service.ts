import type {
  NamedWorkers,
  StrayKind,
  WorkerHold,
  WorkerPage,
  WorkerResource,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { FleetStore, WorkerRecord, WorkflowRecord } from '../store/fleet-store.js';
import { LIVE } from '../store/postgres-workers.js';

const SHOW_GONE_MS = 3_600_000;
const isLive = ({ state }: Pick<WorkerResource, 'state'>): boolean =>
  (LIVE as readonly string[]).includes(state);

/** The questions of REST about the fleet. Errors are FluxErrors: `WORKFLOW_NOT_FOUND`, `DATABASE_UNAVAILABLE`. */
export class Fleet {
  readonly #store: FleetStore;

  constructor(store: FleetStore) {
    this.#store = store;
  }

  async workflows(): Promise<WorkflowPage> {
    const [records, workers] = await Promise.all([
      this.#store.workflows(),
      this.#store.workers(SHOW_GONE_MS),
    ]);
    const versions = new Map<string, [WorkflowRecord, ...WorkflowRecord[]]>();
    for (const workflow of records) {
      const older = versions.get(workflow.name) ?? [];
      versions.set(workflow.name, [workflow, ...older]);
    }
    return { items: [...versions.values()].map((each) => toWorkflow(each, workers)) };
  }

  async workflow(workflowName: string): Promise<WorkflowResource> {
    const { items } = await this.workflows();
    const found = items.find((item) => item.workflowName === workflowName);
    if (found) return found;
    throw new FluxError('WORKFLOW_NOT_FOUND', `no worker has registered a workflow '${workflowName}'`);
  }

  /** Live workers first; those gone for an hour are left out. */
  async workers(): Promise<WorkerPage> {
    const [workers, running] = await Promise.all([
      this.#store.workers(SHOW_GONE_MS),
      this.#store.countOwned(),
    ]);
    const items = workers.map((worker) => toWorker(worker, running.get(worker.id) ?? 0));
    return {
      items: items.sort(
        (a, b) => Number(isLive(b)) - Number(isLive(a)) || (a.workerId < b.workerId ? -1 : 1),
      ),
    };
  }

  /** The workers of a name, perhaps none, and what they were asked by hand. */
  async named(name: string): Promise<NamedWorkers> {
    const [{ items }, byHand] = await Promise.all([this.workers(), this.#store.hold(name)]);
    return { name, byHand, workers: items.filter((worker) => worker.name === name) };
  }

  /** Why the database does no work; `undefined` when it does. */
  databaseFault(): Promise<string | undefined> {
    return this.#store.databaseFault();
  }
}

/** The {@link Fleet} as REST knows it, and tests play it. */
export type FleetService = Pick<Fleet, keyof Fleet>;

/** @param records of its versions, newest first */
function toWorkflow(
  records: readonly [WorkflowRecord, ...WorkflowRecord[]],
  workers: readonly WorkerRecord[],
): WorkflowResource {
  const live = workers.filter(isLive);
  const has = (worker: WorkerRecord, { name, version }: WorkflowRecord): boolean =>
    worker.workflows.some((each, index) => each === name && worker.versions[index] === version);
  const taken = (record: WorkflowRecord): boolean =>
    workers.some((worker) => worker.state === 'running' && has(worker, record));
  const newest = records.find(taken) ?? records[0];
  const { name, version, inputSchema, gracePeriodMs, timeoutMs, runner, cancelOn, registeredAt } = newest;
  return {
    workflowName: name,
    version: version || null,
    inputSchema,
    gracePeriodMs,
    timeoutMs,
    runner,
    cancelOn,
    strays: straysOf(name, live),
    registeredAt: registeredAt.toISOString(),
    workers: live.filter((worker) => worker.workflows.includes(name)).length,
    versions: records.map((record) => ({
      version: record.version || null,
      workers: live.filter((worker) => has(worker, record)).length,
      registeredAt: record.firstRegisteredAt.toISOString(),
    })),
  };
}

function straysOf(name: string, live: readonly WorkerRecord[]): WorkflowResource['strays'] {
  const counts = new Map<StrayKind, number>();
  for (const { strays } of live) {
    for (const { workflowName, kind, executions } of strays) {
      if (workflowName === name) counts.set(kind, (counts.get(kind) ?? 0) + executions);
    }
  }
  return [...counts].map(([kind, executions]) => ({ kind, executions }));
}

function toWorker(worker: WorkerRecord, running: number): WorkerResource {
  return {
    workerId: worker.id,
    name: worker.name,
    state: worker.state,
    concurrency: worker.concurrency,
    runners: worker.runners,
    running,
    workflows: worker.workflows,
    blocked: blockedOf(worker),
    changedFiles: isLive(worker) ? [...worker.changedFiles] : [],
    byHand: holdOf(worker),
    startedAt: worker.startedAt.toISOString(),
    lastSeenAt: worker.lastSeenAt.toISOString(),
  };
}

function holdOf({ wish, wishedBy, wishReason, wishedAt }: WorkerRecord): WorkerHold | null {
  if (wish === null) return null;
  return { wish, requestedBy: wishedBy, reason: wishReason, since: wishedAt.toISOString() };
}

/** The blocked runners of a live worker; the last word of a worker that is gone means nothing any more. */
function blockedOf(worker: WorkerRecord): WorkerResource['blocked'] {
  if (!isLive(worker)) return [];
  const { blocked, lastSeenAt } = worker;
  return blocked.map(({ forMs, ...runner }) => ({
    ...runner,
    since: new Date(lastSeenAt.getTime() - forMs).toISOString(),
  }));
}
