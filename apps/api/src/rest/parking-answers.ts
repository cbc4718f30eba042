import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import {
  EXECUTION_SERVICE,
  type ExecutionService,
  type PauseCommand,
  type ResumeCommand,
} from '../executions/execution-service.js';

/** Answers a pause and a resume: 200 when it has taken effect, 202 while it waits for the body. */
@Injectable()
export class ParkingAnswers {
  constructor(@Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService) {}

  async pause(command: PauseCommand, reply: FastifyReply): Promise<void> {
    const execution = await this.executions.pause(command);
    void reply.code(execution.state === 'PAUSED' ? 200 : 202).send(execution);
  }

  async resume(command: ResumeCommand, reply: FastifyReply): Promise<void> {
    const { execution, kept } = await this.executions.resume(command);
    void reply.code(kept ? 202 : 200).send(execution);
  }
}
