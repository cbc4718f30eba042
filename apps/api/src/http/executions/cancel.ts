import type { ExecutionResource } from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import type { CancelCommand } from '../../executions/execution-service.js';
import type { Asked } from '../validation.js';
import { answerWith, SyncWait, type AnswerParts } from './sync-wait.js';

type CancelRequest = Asked<'cancelExecution'>;

/** Answers a cancel: 200 when the execution has ended, 202 while it has not. */
export async function answerCancel(
  parts: AnswerParts,
  request: CancelRequest,
  reply: FastifyReply,
): Promise<void> {
  const execution =
    request.query.mode === 'sync'
      ? await atItsEnd(parts, request, reply)
      : await parts.executions.cancel(commandOf(request));
  await answerWith(parts, reply.code(isTerminal(execution.state) ? 200 : 202), execution);
}

async function atItsEnd(
  { executions, openRequests }: AnswerParts,
  request: CancelRequest,
  reply: FastifyReply,
): Promise<ExecutionResource> {
  const wait = new SyncWait(executions, request.query.timeout);
  const signal = openRequests.signalOf(reply);
  return wait.forEnd(await wait.forChange(executions.cancel(commandOf(request))), signal);
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
