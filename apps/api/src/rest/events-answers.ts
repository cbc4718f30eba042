import { Inject, Injectable } from '@nestjs/common';
import type { EventsQuery } from './queries.js';
import type { FastifyReply } from 'fastify';
import { EXECUTION_SERVICE, type ExecutionService } from '../executions/execution-service.js';
import { wantsStream } from './event-stream.js';
import { HistoryStream } from './history-stream.js';
import { OpenRequests } from './open-requests.js';

/** A look at the history as REST got it. */
export interface EventsRequest {
  readonly workflowName: string;
  readonly executionId: string;
  readonly query: EventsQuery;
  readonly lastEventId: number | undefined;
}

/** Answers with a page of history, or live where an event stream is accepted. */
@Injectable()
export class EventsAnswers {
  constructor(
    @Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService,
    @Inject(HistoryStream) private readonly history: HistoryStream,
    @Inject(OpenRequests) private readonly openRequests: OpenRequests,
  ) {}

  async answer(request: EventsRequest, reply: FastifyReply): Promise<void> {
    const { workflowName, executionId, query } = request;
    const afterSeq = request.lastEventId ?? query.cursor ?? 0;
    if (wantsStream(reply)) {
      const signal = this.openRequests.signalOf(reply);
      await this.executions.get(workflowName, executionId, false);
      await this.history.run(reply, {}, (stream) =>
        this.history.follow(stream, executionId, afterSeq, signal),
      );
      return;
    }
    const page = await this.executions.history(workflowName, executionId, { afterSeq, limit: query.limit });
    void reply.send(page);
  }
}
