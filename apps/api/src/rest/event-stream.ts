import type { FastifyReply } from 'fastify';

/** So often a comment tells proxies and the client that the stream lives; a gone client is noticed by it too. */
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
  readonly data: unknown;
  readonly id?: number;
}

/** A server-sent event stream over one reply. Its headers are sent when it is made. */
export class EventStream {
  private readonly heartbeat: NodeJS.Timeout;

  constructor(
    private readonly reply: FastifyReply,
    headers: Readonly<Record<string, string>> = {},
  ) {
    reply.hijack();
    // A write that meets a closed socket is no fault: the 'close' event ends the stream.
    reply.raw.on('error', () => undefined);
    const { raw } = reply;
    raw.statusCode = 200;
    for (const [name, value] of Object.entries({ ...HEADERS, ...headers })) raw.setHeader(name, value);
    raw.flushHeaders();
    this.heartbeat = setInterval(() => void this.write(': alive\n\n'), HEARTBEAT_MS);
    reply.raw.once('close', () => clearInterval(this.heartbeat));
  }

  /** Resolves when the client can take more, or is gone. */
  async send(...events: readonly StreamEvent[]): Promise<void> {
    await this.write(events.map(frame).join(''));
  }

  /** Sends it unless the client is slow to read; then it is lost. */
  offer(event: StreamEvent): void {
    if (!this.reply.raw.writableNeedDrain) void this.write(frame(event));
  }

  close(): void {
    clearInterval(this.heartbeat);
    this.reply.raw.end();
  }

  private async write(text: string): Promise<void> {
    const { raw } = this.reply;
    if (text === '' || raw.destroyed || raw.writableEnded || raw.write(text)) return;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        raw.off('drain', settle);
        raw.off('close', settle);
        resolve();
      };
      raw.on('drain', settle);
      raw.on('close', settle);
    });
  }
}

/** True for a request that accepts a stream. A HEAD would wait for the end of one that it never sees. */
export function wantsStream({ request }: FastifyReply): boolean {
  return request.method === 'GET' && (request.headers.accept ?? '').includes('text/event-stream');
}

function frame({ event, data, id }: StreamEvent): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
