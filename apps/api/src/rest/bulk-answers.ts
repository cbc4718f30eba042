import { Inject, Injectable } from '@nestjs/common';
import type { BulkCancelBody } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { CANCELLATION_SERVICE, type CancellationService } from '../cancellations/cancellation-service.js';
import { wantsStream } from './event-stream.js';
import { HistoryStream } from './history-stream.js';
import { OpenRequests } from './open-requests.js';

/** Answers a bulk cancel: 202 with the job, 200 with what a dry run found; its progress as JSON or live. */
@Injectable()
export class BulkAnswers {
  constructor(
    @Inject(CANCELLATION_SERVICE) private readonly cancellations: CancellationService,
    @Inject(HistoryStream) private readonly streams: HistoryStream,
    @Inject(OpenRequests) private readonly openRequests: OpenRequests,
  ) {}

  async create(body: BulkCancelBody, requestedBy: string, reply: FastifyReply): Promise<void> {
    if (body.dryRun) {
      void reply.code(200).send(await this.cancellations.preview(body.filter));
      return;
    }
    const job = await this.cancellations.create({
      filter: body.filter,
      requestedBy,
      reason: body.reason ?? null,
      force: body.force ?? false,
      gracePeriodMs: body.gracePeriod,
      ratePerSecond: body.ratePerSecond,
    });
    void reply.code(202).header('location', `/cancellations/${job.cancellationId}`).send(job);
  }

  async progress(id: string, reply: FastifyReply): Promise<void> {
    const job = await this.cancellations.get(id);
    if (!wantsStream(reply)) {
      void reply.send(job);
      return;
    }
    const signal = this.openRequests.signalOf(reply);
    await this.streams.run(reply, {}, async (stream) => {
      for await (const present of this.cancellations.follow(id, signal)) {
        await stream.send({ event: 'cancellation', data: present });
      }
    });
  }
}
