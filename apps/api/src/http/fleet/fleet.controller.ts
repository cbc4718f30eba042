import { Controller, Inject, Res } from '@nestjs/common';
import type {
  BulkCancelResource,
  NamedWorkers,
  WorkerPage,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import type { CancellationService } from '../../bulk-cancels/cancellation-service.js';
import { CORE, type Core } from '../../bus/ports.js';
import type { ByHandService } from '../../fleet/by-hand.js';
import type { FleetService } from '../../fleet/fleet-service.js';
import { bulkCommandOf, tellJob } from '../bulk-cancels/bulk-cancels.controller.js';
import { Checked, Operation, type Asked } from '../validation.js';

@Controller()
export class FleetController {
  readonly #fleet: FleetService;
  readonly #byHand: ByHandService;
  readonly #cancellations: CancellationService;

  constructor(@Inject(CORE) core: Core) {
    this.#fleet = core.fleet;
    this.#byHand = core.byHand;
    this.#cancellations = core.cancellations;
  }

  @Operation('listWorkflows')
  async workflows(): Promise<WorkflowPage> {
    return this.#fleet.workflows();
  }

  @Operation('getWorkflow')
  async workflow(@Checked() { workflowName }: Asked<'getWorkflow'>): Promise<WorkflowResource> {
    return this.#fleet.workflow(workflowName);
  }

  @Operation('listWorkers')
  async workers(): Promise<WorkerPage> {
    return this.#fleet.workers();
  }

  @Operation('pauseWorker')
  async pause(@Checked() { name, body, requestedBy }: Asked<'pauseWorker'>): Promise<NamedWorkers> {
    return this.#byHand.wish(name, { kind: 'pause', requestedBy, reason: body.reason ?? null });
  }

  @Operation('resumeWorker')
  async resume(@Checked() { name, body, requestedBy }: Asked<'resumeWorker'>): Promise<NamedWorkers> {
    return this.#byHand.wish(name, { kind: null, requestedBy, reason: body.reason ?? null });
  }

  @Operation('drainWorker')
  async drain(@Checked() { name, body, requestedBy }: Asked<'drainWorker'>): Promise<NamedWorkers> {
    return this.#byHand.wish(name, { kind: 'drain', requestedBy, reason: body.reason ?? null });
  }

  /** 202 with the job. */
  @Operation('cancelAllOfWorker')
  async cancelAll(
    @Checked() { name, body, requestedBy }: Asked<'cancelAllOfWorker'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BulkCancelResource> {
    await this.#byHand.assertKnown(name);
    const command = bulkCommandOf({ ...body, filter: { worker: name } }, requestedBy);
    return tellJob(reply, await this.#cancellations.create(command));
  }
}
