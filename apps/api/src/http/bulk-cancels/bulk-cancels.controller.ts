import { Controller, Inject, Res } from '@nestjs/common';
import type {
  BulkCancelBody,
  BulkCancelPage,
  BulkCancelResource,
  BulkItemPage,
  BulkPreviewResource,
  EventReceipt,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import type { BulkCommand, CancellationService } from '../../bulk-cancels/cancellation-service.js';
import { CORE, type Core } from '../../bus/ports.js';
import { EventStreams, wantsStream } from '../event-stream.js';
import { Checked, Operation, type Asked } from '../validation.js';

@Controller()
export class CancellationsController {
  readonly #cancellations: CancellationService;
  readonly #streams: EventStreams;

  constructor(@Inject(CORE) core: Core, @Inject(EventStreams) streams: EventStreams) {
    this.#cancellations = core.cancellations;
    this.#streams = streams;
  }

  /** 202 with the job, 200 with what a dry run found. */
  @Operation('cancelMany')
  async create(
    @Checked() { body, requestedBy }: Asked<'cancelMany'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BulkCancelResource | BulkPreviewResource> {
    if (body.dryRun) return this.#cancellations.preview(body.filter);
    return tellJob(reply, await this.#cancellations.create(bulkCommandOf(body, requestedBy)));
  }

  @Operation('listCancellations')
  async list(@Checked() { query }: Asked<'listCancellations'>): Promise<BulkCancelPage> {
    return this.#cancellations.list(query);
  }

  /** The progress of a bulk cancel, as JSON or live. */
  @Operation('getCancellation')
  async progress(
    @Checked() { cancellationId }: Asked<'getCancellation'>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const job = await this.#cancellations.get(cancellationId);
    if (!wantsStream(reply)) {
      void reply.send(job);
      return;
    }
    await this.#streams.run(reply, {}, async (stream, gone) => {
      for await (const present of this.#cancellations.follow(cancellationId, gone)) {
        await stream.send({ event: 'cancellation', json: JSON.stringify(present) });
      }
    });
  }

  @Operation('getCancellationExecutions')
  async executions(@Checked() request: Asked<'getCancellationExecutions'>): Promise<BulkItemPage> {
    return this.#cancellations.executions(request.cancellationId, request.query);
  }

  @Operation('stopCancellation')
  async stop(@Checked() request: Asked<'stopCancellation'>): Promise<BulkCancelResource> {
    const { cancellationId, query, requestedBy } = request;
    const { undo, reason = null } = query;
    return this.#cancellations.stop(cancellationId, undo ? { requestedBy, reason } : null);
  }

  /** 202 where it cancels executions, 200 where it is about none. */
  @Operation('sendEvent')
  async receive(
    @Checked() { body, requestedBy }: Asked<'sendEvent'>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EventReceipt> {
    const { name, key, reason = null } = body;
    const receipt = await this.#cancellations.receive({ name, key, requestedBy, reason });
    if (receipt.cancellationId !== null) accepted(reply, receipt.cancellationId);
    return receipt;
  }
}

export function bulkCommandOf(body: BulkCancelBody, requestedBy: string): BulkCommand {
  return {
    filter: body.filter,
    requestedBy,
    reason: body.reason ?? null,
    force: body.force ?? false,
    gracePeriodMs: body.gracePeriod,
    ratePerSecond: body.ratePerSecond,
  };
}

/** Answers 202 with the job and where it is found. */
export function tellJob(reply: FastifyReply, job: BulkCancelResource): BulkCancelResource {
  accepted(reply, job.cancellationId);
  return job;
}

function accepted(reply: FastifyReply, cancellationId: string): void {
  reply.code(202).header('location', `/cancellations/${cancellationId}`);
}
