import { Inject, Injectable } from '@nestjs/common';
import type { CancelBody, CancelQuery, ExecutionResource } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import {
  EXECUTION_SERVICE,
  type CancelCommand,
  type ExecutionService,
} from '../executions/execution-service.js';
import { OpenRequests } from './open-requests.js';
import { SyncWait } from './sync-wait.js';

/** A cancel as REST got it. */
export interface CancelRequest {
  readonly workflowName: string;
  readonly executionId: string;
  readonly query: CancelQuery;
  readonly body: CancelBody;
  readonly requestedBy: string;
}

/** Answers a cancel: 200 when the execution has ended, 202 while it has not. */
@Injectable()
export class CancelAnswers {
  constructor(
    @Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService,
    @Inject(OpenRequests) private readonly openRequests: OpenRequests,
  ) {}

  async answer(request: CancelRequest, reply: FastifyReply): Promise<void> {
    const execution =
      request.query.mode === 'sync'
        ? await this.atItsEnd(request, reply)
        : await this.executions.cancel(commandOf(request));
    void reply.code(isTerminal(execution.state) ? 200 : 202).send(execution);
  }

  private async atItsEnd(request: CancelRequest, reply: FastifyReply): Promise<ExecutionResource> {
    const wait = new SyncWait(this.executions, request.query.timeout);
    const signal = this.openRequests.signalOf(reply);
    return wait.forEnd(await wait.forChange(this.executions.cancel(commandOf(request))), signal);
  }
}

function commandOf({ workflowName, executionId, body, requestedBy }: CancelRequest): CancelCommand {
  return {
    workflowName,
    executionId,
    requestedBy,
    reason: body.reason ?? null,
    force: body.force ?? false,
    gracePeriodMs: body.gracePeriod,
    delayMs: body.delay,
  };
}
