import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import type { JsonPieces } from '../executions/execution-service.js';
import type { ResponseMemory, Share } from '../flow/response-memory.js';
import type { OpenRequests } from './open-requests.js';
import { answerTo } from './problems.js';
import { writeTo } from './socket-writer.js';

/**
 * A comment tells proxies and the client this often that the stream lives. A client that is gone is noticed by it
 * too.
 */
const HEARTBEAT_MS = 15_000;

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // The connection ends with the stream, so that a stopping server waits for none.
  connection: 'close',
  'x-accel-buffering': 'no',
};

export interface StreamEvent {
  readonly event: string;
  /** JSON text. */
  readonly json: string;
  readonly id?: number;
}

interface StreamParts {
  readonly headers: Readonly<Record<string, string>>;
  readonly memory: ResponseMemory;
}

/** A server-sent event stream over one reply. Its headers are sent when it is made. */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #memory: ResponseMemory;
  readonly #heartbeat: NodeJS.Timeout;
  #isMidway = false;

  constructor(reply: FastifyReply, { headers, memory }: StreamParts) {
    this.#reply = reply;
    this.#memory = memory;
    reply.hijack();
    // A write that meets a closed socket is no fault: the 'close' event ends the stream.
    reply.raw.on('error', () => undefined);
    const { raw } = reply;
    raw.statusCode = 200;
    for (const [name, value] of Object.entries({ ...HEADERS, ...headers })) raw.setHeader(name, value);
    raw.flushHeaders();
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    reply.raw.once('close', () => clearInterval(this.#heartbeat));
  }

  /** Resolves when the client can take more, or is gone. */
  async send(...events: readonly StreamEvent[]): Promise<void> {
    await this.#write(events.map(frame).join(''));
  }

  /** Sends an event of which the JSON comes in pieces; resolves likewise. */
  async sendPieces(event: string, pieces: JsonPieces): Promise<void> {
    let piece = await pieces.next();
    this.#isMidway = true;
    await this.#write(`event: ${event}\ndata: `);
    for (; !piece.done; piece = await pieces.next()) await this.#write(piece.value);
    await this.#write(`${piece.value}\n\n`);
    this.#isMidway = false;
  }

  /** Sends it unless the client is slow to read, or others who are take the memory; then it is lost. */
  offer(event: StreamEvent): void {
    if (this.#reply.raw.writableNeedDrain || this.#isMidway) return;
    const text = frame(event);
    const release = this.#memory.tryHold(text.length);
    if (release) void this.#write(text).finally(release);
  }

  /** Whether a part of an event has been sent, and not the rest. */
  get isMidway(): boolean {
    return this.#isMidway;
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#reply.raw.end();
  }

  #beat(): void {
    if (!this.#reply.raw.writableNeedDrain && !this.#isMidway) void this.#write(': alive\n\n');
  }

  #write(text: string): Promise<void> {
    return writeTo(this.#reply.raw, text);
  }
}

interface StreamsParts {
  readonly logger: Logger;
  readonly openRequests: OpenRequests;
  readonly memory: ResponseMemory;
}

/** Opens event streams. */
export class EventStreams {
  readonly #parts: StreamsParts;

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /**
   * Opens a stream, lets `body` fill it and closes it; a fault on the way is its last event, `problem`. `gone` aborts
   * when the client has left or the server stops. The share of memory waits as long as it takes.
   */
  async run(
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
    body: (stream: EventStream, gone: AbortSignal, share: Share) => Promise<void>,
  ): Promise<void> {
    const gone = this.#parts.openRequests.signalOf(reply);
    const stream = new EventStream(reply, { headers, memory: this.#parts.memory });
    try {
      await body(
        stream,
        gone,
        this.#parts.memory.share(() => gone, true),
      );
    } catch (error) {
      if (gone.aborted) return;
      // In the middle of an event there is no place for another.
      if (stream.isMidway) return;
      const { problem } = answerTo(error, { path: reply.request.url, bodyLimit: 0 });
      if (problem.code === 'INTERNAL_ERROR')
        this.#parts.logger.error({ err: error }, 'an event stream failed');
      await stream.send({ event: 'problem', json: JSON.stringify(problem) });
    } finally {
      stream.close();
    }
  }
}

/**
 * True for a request that names streams in its Accept, and no less gladly than JSON. A HEAD would wait for the end of one
 * that it never sees.
 */
export function wantsStream({ request }: FastifyReply): boolean {
  const { accept = '' } = request.headers;
  const stream = preferenceOf(accept, 'text/event-stream');
  if (request.method !== 'GET' || stream.range === '*/*' || stream.quality === 0) return false;
  return stream.quality >= preferenceOf(accept, 'application/json').quality;
}

/** The quality that an Accept gives to a media type, and the range that says so: the most specific one (RFC 9110, 12.5.1). */
function preferenceOf(accept: string, type: string): { readonly range: string; readonly quality: number } {
  const qualities = new Map<string, number>();
  for (const each of accept.toLowerCase().split(',')) {
    const [range = '', ...parameters] = each.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    qualities.set(range, Number(quality) || 0);
  }
  const range = [type, type.replace(/\/.*/, '/*'), '*/*'].find((each) => qualities.has(each)) ?? '*/*';
  return { range, quality: qualities.get(range) ?? 0 };
}

function frame({ event, json, id }: StreamEvent): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  return `${head}event: ${event}\ndata: ${json}\n\n`;
}
