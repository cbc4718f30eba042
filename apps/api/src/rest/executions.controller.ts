import { Body, Controller, Delete, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import {
  ACTOR_HEADER,
  cancelBody,
  cancelQuery,
  IDEMPOTENCY_HEADER,
  listQuery,
  pauseBody,
  resumeBody,
  startBody,
  startQuery,
  statusQuery,
  undoQuery,
  type CancelBody,
  type CancelQuery,
  type ExecutionPage,
  type ExecutionResource,
  type ListQuery,
  type PauseBody,
  type ResumeBody,
  type StartBody,
  type StartQuery,
  type UndoQuery,
} from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { EXECUTION_SERVICE, type ExecutionService } from '../executions/execution-service.js';
import { CancelAnswers } from './cancel-answers.js';
import { EventsAnswers } from './events-answers.js';
import { ParkingAnswers } from './parking-answers.js';
import { eventsQueryWithSeq, type EventsQuery } from './queries.js';
import { StartAnswers } from './start-answers.js';
import {
  actorPipe,
  bodyPipe,
  executionIdPipe,
  Header,
  idempotencyKeyPipe,
  lastEventIdPipe,
  queryPipe,
  workflowNamePipe,
} from './validation.js';

@Controller()
export class ExecutionsController {
  constructor(
    @Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService,
    @Inject(StartAnswers) private readonly starts: StartAnswers,
    @Inject(CancelAnswers) private readonly cancels: CancelAnswers,
    @Inject(ParkingAnswers) private readonly parkings: ParkingAnswers,
    @Inject(EventsAnswers) private readonly histories: EventsAnswers,
  ) {}

  @Post('workflows/:workflowName/executions')
  async start(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Query(queryPipe(startQuery)) query: StartQuery,
    @Body(bodyPipe(startBody)) body: StartBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Header(IDEMPOTENCY_HEADER, idempotencyKeyPipe) idempotencyKey: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.starts.answer({ workflowName, query, body, requestedBy, idempotencyKey }, reply);
  }

  @Get('workflows/:workflowName/executions/:executionId')
  async status(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Query(queryPipe(statusQuery)) query: { detailed?: boolean },
  ): Promise<ExecutionResource> {
    return this.executions.get(workflowName, executionId, query.detailed ?? false);
  }

  @Get('workflows/:workflowName/executions/:executionId/events')
  async events(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Query(queryPipe(eventsQueryWithSeq)) query: EventsQuery,
    @Header('last-event-id', lastEventIdPipe) lastEventId: number | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.histories.answer({ workflowName, executionId, query, lastEventId }, reply);
  }

  @Post('workflows/:workflowName/executions/:executionId/cancel')
  async cancel(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Query(queryPipe(cancelQuery)) query: CancelQuery,
    @Body(bodyPipe(cancelBody)) body: CancelBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.cancels.answer({ workflowName, executionId, query, body, requestedBy }, reply);
  }

  @Delete('workflows/:workflowName/executions/:executionId/cancel')
  async undoCancel(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Query(queryPipe(undoQuery)) { reason }: UndoQuery,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
  ): Promise<ExecutionResource> {
    return this.executions.undoCancel({ workflowName, executionId, requestedBy, reason: reason ?? null });
  }

  @Post('workflows/:workflowName/executions/:executionId/pause')
  async pause(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Body(bodyPipe(pauseBody)) { reason }: PauseBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.parkings.pause({ workflowName, executionId, requestedBy, reason: reason ?? null }, reply);
  }

  @Post('workflows/:workflowName/executions/:executionId/resume')
  async resume(
    @Param('workflowName', workflowNamePipe) workflowName: string,
    @Param('executionId', executionIdPipe) executionId: string,
    @Body(bodyPipe(resumeBody)) { input = null }: ResumeBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.parkings.resume({ workflowName, executionId, requestedBy, input }, reply);
  }

  @Get('executions')
  async list(@Query(queryPipe(listQuery)) query: ListQuery): Promise<ExecutionPage> {
    return this.executions.list(query);
  }
}
