import type { heartbeatReply, MessageBody, registerReply, WorkflowDefinition } from '@flux/contracts';
import type { z } from 'zod';
import type { Logger } from 'pino';
import type { Database, Statement } from '../database/database.js';
import type { Relay } from '../dispatch/relay.js';
import { childrenOf } from '../executions/children/family.js';
import type { Families } from '../executions/children/families.js';
import type { ExecutionRow } from '../executions/execution-row.js';
import { noticeOf } from '../executions/notices.js';
import { ROW_COLUMNS } from '../executions/sql/columns.js';
import { MissingExecutions } from './missing-executions.js';
import type { OwnerLoss } from './owner-loss.js';
import { RENEW_LEASE, UPSERT_WORKER, UPSERT_WORKFLOWS } from './sql.js';
import type { WorkflowRegistry } from './workflow-registry.js';

export interface LeaseSettings {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
}

/** $1 worker id → ExecutionRow of each execution it owns */
const READ_OWNED: Statement = {
  name: 'read_owned',
  text: `
SELECT ${ROW_COLUMNS}
FROM executions e
WHERE e.worker_id = $1 AND e.state IN ('RUNNING', 'CANCELLING')`,
};

/** Workers come, say that they are alive, compare notes and go. */
export class WorkerSessions {
  readonly #database: Database;
  readonly #relay: Relay;
  readonly #registry: WorkflowRegistry;
  readonly #loss: OwnerLoss;
  readonly #families: Families;
  readonly #lease: LeaseSettings;
  readonly #missing: MissingExecutions;
  readonly #logger: Logger;

  constructor(
    database: Database,
    relay: Relay,
    registry: WorkflowRegistry,
    loss: OwnerLoss,
    families: Families,
    lease: LeaseSettings,
    logger: Logger,
  ) {
    this.#database = database;
    this.#relay = relay;
    this.#registry = registry;
    this.#loss = loss;
    this.#families = families;
    this.#lease = lease;
    this.#missing = new MissingExecutions(lease.leaseMs);
    this.#logger = logger;
  }

  /** The worker and its workflows are known, and the queues it will consume exist, once this resolves. */
  async register(request: MessageBody<'register'>): Promise<z.infer<typeof registerReply>> {
    const now = this.#database.now();
    // The same name twice would be two rows of one upsert; the last one stands.
    const workflows = [...new Map(request.workflows.map((each) => [each.workflowName, each])).values()];
    await this.#database.transaction(async (tx) => {
      await tx.query(UPSERT_WORKFLOWS, workflowColumns(workflows, now));
      await tx.query(UPSERT_WORKER, [
        request.workerId,
        request.name,
        request.concurrency,
        request.runners,
        workflows.map((each) => each.workflowName),
        new Date(request.startedAt),
        this.#lease.leaseMs,
        workflows.map((each) => each.version ?? ''),
      ]);
    });
    await this.#takeBackStopped(request);
    await Promise.all(workflows.map((each) => this.#relay.declareRuns(each.workflowName, each.version)));
    await this.#registry.reload();
    this.#logger.info({ workerId: request.workerId, workflows: workflows.length }, 'a worker registered');
    const { leaseMs, heartbeatMs } = this.#lease;
    return { leaseMs, heartbeatMs, now: this.#database.now() };
  }

  /** Renews the lease and answers where the worker's view and the database's differ. */
  async heartbeat(request: MessageBody<'heartbeat'>): Promise<z.infer<typeof heartbeatReply>> {
    const { workerId, running } = request;
    const now = this.#database.now();
    const renewed = await this.#database.query(RENEW_LEASE, [
      workerId,
      request.state,
      this.#lease.leaseMs,
      JSON.stringify(request.blocked),
    ]);
    const owned = await this.#database.query<ExecutionRow>(READ_OWNED, [workerId]);
    const attempts = new Map(owned.map((row) => [row.id, row.attempt]));
    const fenced = running.filter((each) => attempts.get(each.executionId) !== each.attempt);
    // A worker given up for lost gets nothing until it registers anew.
    if (renewed.length === 0) return { known: false, fenced, cancels: [] };
    const reported = new Map(running.map((each) => [each.executionId, each.attempt]));
    await this.#tellEnds(owned, running);
    await this.#takeBackMissing(
      workerId,
      // What it is asking for may be on its way to it: it would run there, and elsewhere too.
      owned.filter((row) => reported.get(row.id) !== row.attempt && !request.claiming.includes(row.id)),
      now,
    );
    return {
      known: true,
      fenced,
      cancels: owned.flatMap((row) => {
        const notice = row.cancellation?.deliveredAt === null ? noticeOf(row, now) : null;
        return notice ? [notice] : [];
      }),
      now: this.#database.now(),
    };
  }

  async deregister({ workerId }: MessageBody<'deregister'>): Promise<Record<string, never>> {
    await this.#loss.stop(workerId);
    this.#missing.forget(workerId);
    this.#logger.info({ workerId }, 'a worker stopped');
    return {};
  }

  /** What a worker says it has stopped, or never heard of, goes to others at once. */
  async #takeBackStopped({ workerId, stopped, unanswered }: MessageBody<'register'>): Promise<void> {
    const owned = { workerId, workerState: 'cut_off' as const };
    await this.#loss.takeBack([...stopped, ...unanswered].map((each) => ({ ...each, ...owned })));
  }

  /** The word of a child's end may be lost with a connection. */
  async #tellEnds(
    owned: readonly ExecutionRow[],
    running: MessageBody<'heartbeat'>['running'],
  ): Promise<void> {
    const heard = new Map(running.map((each) => [each.executionId, each]));
    for (const row of owned) {
      const { attempt, childrenHeard = 0 } = heard.get(row.id) ?? {};
      const isBehind = attempt === row.attempt && childrenHeard < childrenOf(row).finished;
      if (isBehind) await this.#families.tellAgain(row, childrenHeard);
    }
  }

  /** What a live worker owns and has not known of for a whole lease, nobody runs. */
  async #takeBackMissing(workerId: string, missing: readonly ExecutionRow[], now: number): Promise<void> {
    const candidates = missing.map(({ id, attempt }) => ({ executionId: id, attempt }));
    const overdue = this.#missing.overdue(workerId, candidates, now);
    if (overdue.length === 0) return;
    this.#logger.warn({ workerId, executions: overdue.length }, 'a worker does not know what it owns');
    await this.#loss.takeBack(overdue.map((each) => ({ ...each, workerId, workerState: 'lost' as const })));
  }
}

function workflowColumns(workflows: readonly WorkflowDefinition[], now: number): unknown[] {
  return [
    workflows.map((each) => each.workflowName),
    workflows.map((each) => each.inputSchema && JSON.stringify(each.inputSchema)),
    workflows.map((each) => each.gracePeriodMs),
    workflows.map((each) => each.timeoutMs),
    workflows.map((each) => each.runner),
    new Date(now),
    workflows.map((each) => each.version ?? ''),
    workflows.map((each) => each.cancelOn && JSON.stringify(each.cancelOn)),
  ];
}
