import type { heartbeatReply, MessageBody, registerReply } from '@flux/contracts';
import { ASKED, FluxError } from '@flux/domain';
import type { z } from 'zod';
import type { Logger } from 'pino';
import type { Relay } from '../dispatch/relay.js';
import { isConnectionError } from '../database/errors.js';
import { within } from '../flow/within.js';
import { childrenOf } from '../lifecycle/children.js';
import type { Families } from '../executions/families.js';
import type { InputValidator } from '../executions/start-input.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import { noticeOf } from '../lifecycle/messages.js';
import type { Stores } from '../store/ports.js';
import { MissingExecutions } from './missing-executions.js';
import type { OwnerLoss } from './owner-loss.js';
import type { WorkflowRegistry } from '../registry/workflows.js';

/** A database that is cut off does not answer at all. */
const VOUCH_AFTER_MS = 2_000;

export interface WorkerSessionsParts {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly stores: Stores;
  readonly relay: Relay;
  readonly registry: WorkflowRegistry;
  readonly validator: InputValidator;
  readonly loss: OwnerLoss;
  readonly families: Families;
  readonly logger: Logger;
}

/** Workers come, say that they are alive, compare notes and go. */
export class WorkerSessions {
  readonly #parts: WorkerSessionsParts;
  readonly #missing: MissingExecutions;

  constructor(parts: WorkerSessionsParts) {
    this.#parts = parts;
    this.#missing = new MissingExecutions(parts.leaseMs);
  }

  /**
   * The worker and its workflows are known, and the queues it will consume exist, once this resolves; unless it is
   * refused.
   */
  async register(request: MessageBody<'register'>): Promise<z.infer<typeof registerReply>> {
    const { stores, relay, registry, validator, logger, leaseMs, heartbeatMs } = this.#parts;
    const { workerId } = request;
    // The last definition of a name stands: the same name twice would be two rows of one upsert.
    const workflows = [...new Map(request.workflows.map((each) => [each.workflowName, each])).values()];
    const refused = await validator.faultsOf(workflows);
    if (refused.length > 0) return { leaseMs, heartbeatMs, refused };
    const wish = await stores.workers.register({ ...request, workflows }, leaseMs);
    await this.#takeBackStopped(request);
    await Promise.all(workflows.map((each) => relay.declareRuns(each.workflowName, each.version)));
    await registry.reload();
    logger.info({ workerId, workflows: workflows.length }, 'a worker registered');
    const takes = { takesTaskStarts: true, takesPrograms: true } as const;
    return { leaseMs, heartbeatMs, now: stores.workers.now(), wish, ...takes };
  }

  /**
   * Renews the lease and answers where the worker's view and the database's differ. While the database can do no work, or
   * does not answer in time, the worker is vouched for, unless somebody who can write has asked for it.
   */
  async heartbeat(request: MessageBody<'heartbeat'>): Promise<z.infer<typeof heartbeatReply>> {
    const renewed = this.#renew(request);
    if (request.asked !== false) return renewed;
    try {
      return await within(VOUCH_AFTER_MS, renewed, databaseIsSlow);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      return { known: true, fenced: [], cancels: [], vouchedMs: ASKED.vouchedMs(this.#parts.leaseMs) };
    }
  }

  async #renew(request: MessageBody<'heartbeat'>): Promise<z.infer<typeof heartbeatReply>> {
    const { workerId, running } = request;
    const { executions, workers } = this.#parts.stores;
    const now = workers.now();
    const wish = await workers.renewLease(request, this.#parts.leaseMs);
    const owned = await executions.readOwned(workerId);
    const attempts = new Map(owned.map((row) => [row.id, row.attempt]));
    const fenced = running.filter((each) => attempts.get(each.executionId) !== each.attempt);
    // A worker given up for lost gets nothing until it registers anew.
    if (!wish) return { known: false, fenced, cancels: [] };
    const reported = new Map(running.map((each) => [each.executionId, each.attempt]));
    await this.#tellEnds(owned, running);
    await this.#takeBackMissing(
      workerId,
      // An execution that the worker is asking for may be on its way there: taken back, it would run there and
      // elsewhere.
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
      now: workers.now(),
      wish,
    };
  }

  async deregister({ workerId }: MessageBody<'deregister'>): Promise<Record<string, never>> {
    await this.#parts.loss.stop(workerId);
    this.#missing.forget(workerId);
    this.#parts.logger.info({ workerId }, 'a worker stopped');
    return {};
  }

  /** Gives others at once the executions that a worker has stopped, or whose claim was never answered. */
  async #takeBackStopped({ workerId, stopped, unanswered }: MessageBody<'register'>): Promise<void> {
    const owned = { workerId, workerState: 'cut_off' as const };
    await this.#parts.loss.takeBack([...stopped, ...unanswered].map((each) => ({ ...each, ...owned })));
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
      if (isBehind) await this.#parts.families.tellAgain(row, childrenHeard);
    }
  }

  /**
   * Has the executions taken back that a live worker owns and has not known of for a whole lease: nobody runs them, or
   * their last checkpoints still wait to be applied.
   */
  async #takeBackMissing(workerId: string, missing: readonly ExecutionRow[], now: number): Promise<void> {
    const candidates = missing.map(({ id, attempt }) => ({ executionId: id, attempt }));
    const overdue = this.#missing.overdue(workerId, candidates, now);
    if (overdue.length === 0) return;
    this.#parts.logger.warn({ workerId, executions: overdue.length }, 'a worker does not know what it owns');
    const owned = { workerId, workerState: 'lost' as const };
    await this.#parts.loss.takeBackLater(overdue.map((each) => ({ ...each, ...owned })));
  }
}

function databaseIsSlow(): never {
  throw new FluxError('DATABASE_UNAVAILABLE', 'the database does not answer in time');
}
