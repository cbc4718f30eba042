import { Inject, Injectable } from '@nestjs/common';
import type { ProgressResource } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { EXECUTION_SERVICE, type ExecutionService } from '../executions/execution-service.js';
import { EventStream } from './event-stream.js';
import { answerTo } from './problems.js';
import { LOGGER } from './tokens.js';

/** Sends an execution's history as it grows. */
@Injectable()
export class HistoryStream {
  constructor(
    @Inject(EXECUTION_SERVICE) private readonly executions: ExecutionService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Sends every event after `afterSeq`, and progress as it is told; resolves at the terminal one or when `signal` aborts. */
  async follow(
    stream: EventStream,
    executionId: string,
    afterSeq: number,
    signal: AbortSignal,
  ): Promise<void> {
    const end = this.executions.onProgress(executionId, (update) => {
      const data: ProgressResource = { ...update, at: new Date().toISOString() };
      stream.offer({ event: 'progress', data });
    });
    try {
      for await (const batch of this.executions.follow(executionId, afterSeq, signal)) {
        await stream.send(...batch.map((event) => ({ id: event.seq, event: event.type, data: event })));
      }
    } finally {
      end();
    }
  }

  /** Opens a stream, lets `body` fill it and closes it; a fault on the way is its last event, `problem`. */
  async run(
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
    body: (stream: EventStream) => Promise<void>,
  ): Promise<void> {
    const stream = new EventStream(reply, headers);
    try {
      await body(stream);
    } catch (error) {
      const { problem } = answerTo(error, { path: reply.request.url, bodyLimit: 0 });
      if (problem.code === 'INTERNAL_ERROR') this.logger.error({ err: error }, 'an event stream failed');
      await stream.send({ event: 'problem', data: problem });
    } finally {
      stream.close();
    }
  }
}
