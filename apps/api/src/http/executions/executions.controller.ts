import { Controller, Inject, Res } from '@nestjs/common';
import { PAGE_BYTES } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { CORE, type Core } from '../../bus/ports.js';
import { EventStreams } from '../event-stream.js';
import { JsonAnswers } from '../json-answers.js';
import { OpenRequests } from '../open-requests.js';
import { Checked, Operation, type Asked } from '../validation.js';
import { answerCancel } from './cancel.js';
import { answerEvents } from './events.js';
import { answerStart } from './start.js';
import { answerWith, type AnswerParts } from './sync-wait.js';

@Controller()
export class ExecutionsController {
  readonly #parts: AnswerParts;

  constructor(
    @Inject(CORE) { executions }: Core,
    @Inject(JsonAnswers) answers: JsonAnswers,
    @Inject(EventStreams) streams: EventStreams,
    @Inject(OpenRequests) openRequests: OpenRequests,
  ) {
    this.#parts = { executions, answers, streams, openRequests };
  }

  @Operation('startExecution')
  async start(@Checked() request: Asked<'startExecution'>, @Res() reply: FastifyReply): Promise<void> {
    return answerStart(this.#parts, request, reply);
  }

  @Operation('getExecution')
  async status(@Checked() request: Asked<'getExecution'>, @Res() reply: FastifyReply): Promise<void> {
    const { answers, executions } = this.#parts;
    const { workflowName, executionId, query } = request;
    return answers.send(reply, (share) =>
      executions.status(workflowName, executionId, query.detailed ?? false, share),
    );
  }

  @Operation('getExecutionEvents')
  async events(@Checked() request: Asked<'getExecutionEvents'>, @Res() reply: FastifyReply): Promise<void> {
    return answerEvents(this.#parts, request, reply);
  }

  @Operation('getExecutionReceipt')
  async receipt(@Checked() request: Asked<'getExecutionReceipt'>, @Res() reply: FastifyReply): Promise<void> {
    const { answers, executions } = this.#parts;
    const { workflowName, executionId, query } = request;
    const wish = { limit: query.limit, afterSeq: query.cursor ?? 0 };
    const receipt = await answers.within(reply, PAGE_BYTES, () =>
      executions.receipt(workflowName, executionId, wish),
    );
    void reply.send(receipt);
  }

  @Operation('cancelExecution')
  async cancel(@Checked() request: Asked<'cancelExecution'>, @Res() reply: FastifyReply): Promise<void> {
    return answerCancel(this.#parts, request, reply);
  }

  @Operation('undoCancel')
  async undoCancel(
    @Checked() { query, ...request }: Asked<'undoCancel'>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const undone = await this.#parts.executions.undoCancel({ ...request, reason: query.reason ?? null });
    return answerWith(this.#parts, reply, undone);
  }

  /** 200 when the execution is paused, 202 while it runs on to its next call. */
  @Operation('pauseExecution')
  async pause(
    @Checked() { body, ...request }: Asked<'pauseExecution'>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const paused = await this.#parts.executions.pause({ ...request, reason: body.reason ?? null });
    return answerWith(this.#parts, reply.code(paused.state === 'PAUSED' ? 200 : 202), paused);
  }

  /** 200 when the execution goes on, 202 when the resume is kept for its next pause. */
  @Operation('resumeExecution')
  async resume(
    @Checked() { body, ...request }: Asked<'resumeExecution'>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { execution, kept } = await this.#parts.executions.resume({
      ...request,
      input: body.input ?? null,
      pause: body.pause,
    });
    return answerWith(this.#parts, reply.code(kept ? 202 : 200), execution);
  }

  @Operation('listExecutions')
  async list(@Checked() { query }: Asked<'listExecutions'>, @Res() reply: FastifyReply): Promise<void> {
    const { answers, executions } = this.#parts;
    return answers.send(reply, (share) => executions.list(query, share));
  }
}
