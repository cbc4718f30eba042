import { Inject, Injectable } from '@nestjs/common';
import type { ExecutionResource, StartBody, StartQuery } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import {
  EXECUTION_SERVICE,
  type ExecutionService,
  type StartCommand,
  type Started,
} from '../executions/execution-service.js';
import { HistoryStream } from './history-stream.js';
import { OpenRequests } from './open-requests.js';
import { SyncWait } from './sync-wait.js';

/** A start as REST got it. */
export interface StartRequest {
  readonly workflowName: string;
  readonly query: StartQuery;
  readonly body: StartBody;
  readonly requestedBy: string;
  readonly idempotencyKey: string | undefined;
}

/** Answers a start in the mode that was asked for. */
@Injectable()
export class StartAnswers {
  constructor(
    @Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService,
    @Inject(HistoryStream) private readonly history: HistoryStream,
    @Inject(OpenRequests) private readonly openRequests: OpenRequests,
  ) {}

  async answer(request: StartRequest, reply: FastifyReply): Promise<void> {
    switch (request.query.mode) {
      case 'async':
        return this.atOnce(await this.executions.start(commandOf(request)), reply);
      case 'sync':
        return this.atItsEnd(request, reply);
      case 'stream':
        return this.asStream(request, reply);
    }
  }

  private atOnce({ execution, created }: Started, reply: FastifyReply): void {
    void reply
      .code(created ? 201 : 200)
      .header('location', locationOf(execution))
      .send(execution);
  }

  private async atItsEnd(request: StartRequest, reply: FastifyReply): Promise<void> {
    const wait = new SyncWait(this.executions, request.query.timeout);
    const signal = this.openRequests.signalOf(reply);
    const { execution } = await wait.forChange(this.executions.start(commandOf(request)));
    const latest = await wait.forEnd(execution, signal);
    void reply
      .code(isTerminal(latest.state) ? 200 : 202)
      .header('location', locationOf(latest))
      .send(latest);
  }

  private async asStream(request: StartRequest, reply: FastifyReply): Promise<void> {
    const gone = this.openRequests.signalOf(reply);
    const { execution } = await this.executions.start(commandOf(request));
    const { timeout } = request.query;
    const signal = timeout === undefined ? gone : AbortSignal.any([gone, AbortSignal.timeout(timeout)]);
    await this.history.run(reply, { location: locationOf(execution) }, async (stream) => {
      await stream.send({ event: 'execution', data: execution });
      await this.history.follow(stream, execution.executionId, 0, signal);
      if (gone.aborted) return;
      const latest = await this.executions.get(execution.workflowName, execution.executionId, false);
      await stream.send({ event: 'execution', data: latest });
    });
  }
}

function commandOf({ workflowName, body, requestedBy, idempotencyKey }: StartRequest): StartCommand {
  return {
    workflowName,
    input: body.input === undefined ? {} : body.input,
    executionId: body.executionId?.toLowerCase(),
    idempotencyKey,
    labels: body.labels ?? {},
    timeoutMs: body.timeout,
    requestedBy,
  };
}

/** Where an execution is found. */
function locationOf({ workflowName, executionId }: ExecutionResource): string {
  return `/workflows/${workflowName}/executions/${executionId}`;
}
