import type { WorkerPage, WorkerResource, WorkflowPage, WorkflowResource } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import { MoreThan } from 'typeorm';
import type { Database, Statement } from '../database/database.js';
import { WorkerEntity, WorkflowEntity, type WorkerRecord, type WorkflowRecord } from './entities.js';
import type { FleetService } from './fleet-service.js';

const SHOW_GONE_MS = 3_600_000;
const LIVE: readonly WorkerResource['state'][] = ['running', 'draining'];

const PING: Statement = { name: 'ping', text: 'SELECT 1' };

/** → how many executions each worker owns */
const COUNT_OWNED: Statement = {
  name: 'count_owned',
  text: `
SELECT worker_id AS "workerId", count(*)::int AS running
FROM executions
WHERE worker_id IS NOT NULL AND state IN ('RUNNING', 'CANCELLING')
GROUP BY worker_id`,
};

/** The {@link FleetService} on PostgreSQL. */
export class FluxFleetService implements FleetService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async workflows(): Promise<WorkflowPage> {
    const [workflows, workers] = await Promise.all([
      this.#database.entities((manager) =>
        manager.find(WorkflowEntity, { order: { name: 'ASC', firstRegisteredAt: 'ASC', version: 'ASC' } }),
      ),
      this.#workers(),
    ]);
    const versions = new Map<string, [WorkflowRecord, ...WorkflowRecord[]]>();
    for (const workflow of workflows) {
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

  async workers(): Promise<WorkerPage> {
    const [workers, counts] = await Promise.all([
      this.#workers(),
      this.#database.query<{ workerId: string; running: number }>(COUNT_OWNED, []),
    ]);
    const running = new Map(counts.map((count) => [count.workerId, count.running]));
    const items = workers.map((worker) => toWorker(worker, running.get(worker.id) ?? 0));
    const isLive = (worker: WorkerResource): number => (LIVE.includes(worker.state) ? 0 : 1);
    return { items: items.sort((a, b) => isLive(a) - isLive(b) || (a.workerId < b.workerId ? -1 : 1)) };
  }

  async databaseUp(): Promise<boolean> {
    return this.#database.query(PING, []).then(
      () => true,
      () => false,
    );
  }

  /** Those seen within the last hour; a live one always is. */
  #workers(): Promise<WorkerRecord[]> {
    const since = new Date(this.#database.now() - SHOW_GONE_MS);
    return this.#database.entities((manager) =>
      manager.findBy(WorkerEntity, { lastSeenAt: MoreThan(since) }),
    );
  }
}

/** @param records of its versions, newest first */
function toWorkflow(
  records: readonly [WorkflowRecord, ...WorkflowRecord[]],
  workers: readonly WorkerRecord[],
): WorkflowResource {
  const live = workers.filter((worker) => LIVE.includes(worker.state));
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
    cancelOn: cancelOn ?? [],
    registeredAt: registeredAt.toISOString(),
    workers: live.filter((worker) => worker.workflows.includes(name)).length,
    versions: records.map((record) => ({
      version: record.version || null,
      workers: live.filter((worker) => has(worker, record)).length,
      registeredAt: record.firstRegisteredAt.toISOString(),
    })),
  };
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
    startedAt: worker.startedAt.toISOString(),
    lastSeenAt: worker.lastSeenAt.toISOString(),
  };
}

/** What a worker that is gone told of its runners means nothing any more. */
function blockedOf({ state, blocked, lastSeenAt }: WorkerRecord): WorkerResource['blocked'] {
  if (!LIVE.includes(state)) return [];
  return blocked.map(({ forMs, ...runner }) => ({
    ...runner,
    since: new Date(lastSeenAt.getTime() - forMs).toISOString(),
  }));
}
