import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { MESSAGES, type MessageBody } from '@flux/contracts';
import { CORE, type Core } from './ports.js';

/** Answers what workers ask; the reply is what a handler resolves with. */
@Controller()
export class RequestsController {
  readonly #core: Core;

  constructor(@Inject(CORE) core: Core) {
    this.#core = core;
  }

  @MessagePattern('register')
  register(@Payload() body: MessageBody<'register'>): Promise<unknown> {
    return this.#core.sessions.register(body);
  }

  @MessagePattern('heartbeat')
  heartbeat(@Payload() body: MessageBody<'heartbeat'>): Promise<unknown> {
    return this.#core.sessions.heartbeat(body);
  }

  @MessagePattern('deregister')
  deregister(@Payload() body: MessageBody<'deregister'>): Promise<unknown> {
    return this.#core.sessions.deregister(body);
  }

  @MessagePattern('claim')
  async claim(@Payload() body: MessageBody<'claim'>): Promise<unknown> {
    return { results: await this.#core.claimer.claim(body.workerId, body.claims) };
  }

  @MessagePattern('history')
  history(@Payload() body: MessageBody<'history'>): Promise<unknown> {
    return this.#core.readHistory(body);
  }

  @MessagePattern('input')
  input(@Payload() body: MessageBody<'input'>): Promise<unknown> {
    return this.#core.readInput(body);
  }

  @MessagePattern('child_end')
  childEnd(@Payload() body: MessageBody<'child_end'>): Promise<unknown> {
    return this.#core.readChildEnd(body);
  }

  @MessagePattern('put_piece')
  putPiece(@Payload() body: MessageBody<'put_piece'>): Promise<unknown> {
    return this.#core.texts.put(body);
  }

  /** A request that was too large for a message: its body has come in pieces. */
  @MessagePattern('stored')
  async stored(@Payload() { type, ...text }: MessageBody<'stored'>): Promise<unknown> {
    const { sessions, texts } = this.#core;
    const body = (await texts.read([text])).get(text.valueId);
    const reply =
      type === 'register'
        ? await sessions.register(MESSAGES.register.parse(body))
        : await sessions.heartbeat(MESSAGES.heartbeat.parse(body));
    await texts.delete([text]);
    return reply;
  }
}
