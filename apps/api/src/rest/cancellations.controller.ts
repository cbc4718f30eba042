import { Body, Controller, Delete, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  ACTOR_HEADER,
  bulkCancelBody,
  bulkItemsQuery,
  bulkListQuery,
  bulkStopQuery,
  type BulkCancelBody,
  type BulkCancelPage,
  type BulkCancelResource,
  type BulkItemPage,
  type BulkItemsQuery,
  type BulkListQuery,
  type BulkStopQuery,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { CANCELLATION_SERVICE, type CancellationService } from '../cancellations/cancellation-service.js';
import { BulkAnswers } from './bulk-answers.js';
import { actorPipe, bodyPipe, cancellationIdPipe, Header, queryPipe } from './validation.js';

@Controller()
export class CancellationsController {
  constructor(
    @Inject(CANCELLATION_SERVICE) private readonly cancellations: CancellationService,
    @Inject(BulkAnswers) private readonly answers: BulkAnswers,
  ) {}

  @Post('cancellations')
  async create(
    @Body(bodyPipe(bulkCancelBody)) body: BulkCancelBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.answers.create(body, requestedBy, reply);
  }

  @Get('cancellations')
  async list(@Query(queryPipe(bulkListQuery)) query: BulkListQuery): Promise<BulkCancelPage> {
    return this.cancellations.list(query);
  }

  @Get('cancellations/:cancellationId')
  async progress(
    @Param('cancellationId', cancellationIdPipe) id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.answers.progress(id, reply);
  }

  @Get('cancellations/:cancellationId/executions')
  async executions(
    @Param('cancellationId', cancellationIdPipe) id: string,
    @Query(queryPipe(bulkItemsQuery)) query: BulkItemsQuery,
  ): Promise<BulkItemPage> {
    return this.cancellations.executions(id, query);
  }

  @Delete('cancellations/:cancellationId')
  async stop(
    @Param('cancellationId', cancellationIdPipe) id: string,
    @Query(queryPipe(bulkStopQuery)) { undo, reason }: BulkStopQuery,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<BulkCancelResource> {
    return this.cancellations.stop(id, undo ? { requestedBy, reason: reason ?? null } : null);
  }
}
