import { within } from '../flow/within.js';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The requests under way, so that a stopping server can hurry them and wait for them. */
export class OpenRequests {
  readonly #open = new Set<FastifyRequest['raw']>();
  readonly #waiting = new Set<AbortController>();
  #stopped = false;
  #idle = (): void => undefined;

  /** True from {@link stop} on: new requests are refused. */
  get stopping(): boolean {
    return this.#stopped;
  }

  began(request: FastifyRequest): void {
    this.#open.add(request.raw);
  }

  ended(request: FastifyRequest): void {
    this.#open.delete(request.raw);
    if (this.#open.size === 0) this.#idle();
  }

  /** A signal that aborts when the client is gone, when the answer has ended, or when the server stops. */
  signalOf(reply: FastifyReply): AbortSignal {
    const controller = new AbortController();
    if (this.#stopped || reply.raw.destroyed) controller.abort();
    this.#waiting.add(controller);
    reply.raw.once('close', () => {
      this.#waiting.delete(controller);
      controller.abort();
    });
    return controller.signal;
  }

  /** Ends every wait and stream; resolves when all requests were answered, at the latest after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopped = true;
    for (const controller of this.#waiting) controller.abort();
    if (this.#open.size === 0) return;
    await within(withinMs, new Promise<void>((resolve) => (this.#idle = resolve)), () => undefined);
  }
}
