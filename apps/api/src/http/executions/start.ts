import type { ExecutionResource } from '@flux/contracts';
import { abortAfter, isTerminal } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import type { StartCommand } from '../../lifecycle/start.js';
import type { Asked } from '../validation.js';
import { sendHistory } from './events.js';
import { answerWith, SyncWait, type AnswerParts } from './sync-wait.js';

type StartRequest = Asked<'startExecution'>;

/** Answers a start in the mode that was asked for. */
export async function answerStart(
  parts: AnswerParts,
  request: StartRequest,
  reply: FastifyReply,
): Promise<void> {
  switch (request.query.mode) {
    case 'async': {
      const { execution, created } = await parts.executions.start(commandOf(request));
      return answer(parts, reply.code(created ? 201 : 200), execution);
    }
    case 'sync': {
      const wait = new SyncWait(parts.executions, request.query.timeout);
      const signal = parts.openRequests.signalOf(reply);
      const { execution } = await wait.forChange(parts.executions.start(commandOf(request)));
      const latest = await wait.forEnd(execution, signal);
      return answer(parts, reply.code(isTerminal(latest.state) ? 200 : 202), latest);
    }
    case 'stream':
      return asStream(parts, request, reply);
  }
}

function answer(parts: AnswerParts, reply: FastifyReply, execution: ExecutionResource): Promise<void> {
  return answerWith(parts, reply.header('location', locationOf(execution)), execution);
}

async function asStream(
  { executions, streams }: AnswerParts,
  request: StartRequest,
  reply: FastifyReply,
): Promise<void> {
  const { execution } = await executions.start(commandOf(request));
  const { workflowName, executionId } = execution;
  const { timeout } = request.query;
  await streams.run(reply, { location: locationOf(execution) }, async (stream, gone, share) => {
    const signal = timeout === undefined ? gone : AbortSignal.any([gone, abortAfter(timeout)]);
    await stream.sendPieces('execution', executions.answer(execution, share));
    await sendHistory(executions, stream, { executionId, afterSeq: 0, signal, share });
    if (gone.aborted) return;
    await stream.sendPieces('execution', executions.status(workflowName, executionId, false, share));
  });
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

/** The address of an execution. */
function locationOf({ workflowName, executionId }: ExecutionResource): string {
  return `/workflows/${workflowName}/executions/${executionId}`;
}
