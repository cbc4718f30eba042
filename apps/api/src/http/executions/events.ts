import type { ProgressResource } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import type { ExecutionService, Following } from '../../executions/execution-service.js';
import { wantsStream, type EventStream } from '../event-stream.js';
import type { Asked } from '../validation.js';
import type { AnswerParts } from './sync-wait.js';

/** Answers with a page of history, or live where an event stream is accepted. */
export async function answerEvents(
  { executions, streams, answers }: AnswerParts,
  { workflowName, executionId, query, lastEventId }: Asked<'getExecutionEvents'>,
  reply: FastifyReply,
): Promise<void> {
  const afterSeq = lastEventId ?? query.cursor ?? 0;
  if (wantsStream(reply)) {
    await executions.find(workflowName, executionId);
    await streams.run(reply, {}, (stream, signal, share) =>
      sendHistory(executions, stream, { executionId, afterSeq, signal, share }),
    );
    return;
  }
  await answers.send(reply, (share) =>
    executions.history(workflowName, executionId, { afterSeq, limit: query.limit }, share),
  );
}

/** Sends every event after its number, and progress as it is told; resolves at the terminal one or when `signal` aborts. */
export async function sendHistory(
  executions: ExecutionService,
  stream: EventStream,
  following: Following,
): Promise<void> {
  const end = executions.onProgress(following.executionId, (update) => {
    const data: ProgressResource = { ...update, at: new Date().toISOString() };
    stream.offer({ event: 'progress', json: JSON.stringify(data) });
  });
  try {
    for await (const batch of executions.follow(following)) {
      await stream.send(...batch.map(({ seq, type, json }) => ({ id: seq, event: type, json })));
    }
  } finally {
    end();
  }
}
