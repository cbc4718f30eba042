import type { OutgoingHttpHeaders } from 'node:http';
import { FluxError } from '@flux/domain';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import type { JsonPieces } from '../executions/execution-service.js';
import type { ResponseMemory, Share } from '../flow/response-memory.js';
import { expectRead, writeTo } from './socket-writer.js';

const JSON_TYPE = 'application/json; charset=utf-8';

interface AnswerMemory {
  readonly reads: ResponseMemory;
  /** The memory of answers to requests that changed something: they wait for no reader. */
  readonly changes: ResponseMemory;
}

/** Answers with JSON that may be larger than what an answer should take of the memory. */
export class JsonAnswers {
  readonly #logger: Logger;
  readonly #memory: AnswerMemory;

  constructor(logger: Logger, memory: AnswerMemory) {
    this.#logger = logger;
    this.#memory = memory;
  }

  /**
   * Answers with the pieces that `read` yields. An error before the first one is thrown; one behind it ends the connection,
   * so that the answer is not taken for whole.
   */
  async send(
    reply: FastifyReply,
    read: (share: Share) => JsonPieces,
    memory: keyof AnswerMemory = 'reads',
  ): Promise<void> {
    const { raw, request } = reply;
    const share = this.#memory[memory].share(() => closeOf(reply));
    const pieces = read(share);
    let piece = await pieces.next();
    if (piece.done) {
      expectRead(raw, piece.value);
      void reply.type(JSON_TYPE).send(piece.value);
      return;
    }
    share.patient = true;
    reply.hijack();
    raw.writeHead(reply.statusCode, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': JSON_TYPE,
    });
    try {
      while (!piece.done && request.method !== 'HEAD') {
        await writeTo(raw, piece.value);
        piece = await pieces.next();
      }
      await writeTo(raw, piece.value);
      raw.end();
    } catch (error) {
      if (raw.destroyed) return;
      this.#logger.error({ err: error, path: request.url }, 'an answer broke off');
      raw.destroy();
    }
  }

  /** The value that `read` resolves with, once there is memory for so many bytes of text. */
  async within<T>(reply: FastifyReply, bytes: number, read: () => Promise<T>): Promise<T> {
    await this.#memory.reads.share(() => closeOf(reply)).hold(bytes);
    return read();
  }
}

/** Aborts when the answer has been sent, or the client is gone: the reason is told to nobody. */
function closeOf({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new FluxError('SERVER_BUSY', 'the client did not wait'));
  if (raw.destroyed) abort();
  raw.once('close', abort);
  return controller.signal;
}
