import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import type { MessageBody } from '@flux/contracts';
import type { Core } from '../core.js';
import { CORE } from './tokens.js';

/** What workers ask; the reply is what a handler resolves with. */
@Controller()
export class RequestsController {
  constructor(@Inject(CORE) private readonly core: Core) {}

  @MessagePattern('register')
  register(@Payload() body: MessageBody<'register'>): Promise<unknown> {
    return this.core.sessions.register(body);
  }

  @MessagePattern('heartbeat')
  heartbeat(@Payload() body: MessageBody<'heartbeat'>): Promise<unknown> {
    return this.core.sessions.heartbeat(body);
  }

  @MessagePattern('deregister')
  deregister(@Payload() body: MessageBody<'deregister'>): Promise<unknown> {
    return this.core.sessions.deregister(body);
  }

  @MessagePattern('claim')
  async claim(@Payload() body: MessageBody<'claim'>): Promise<unknown> {
    return { results: await this.core.claimer.claim(body.workerId, body.claims) };
  }

  @MessagePattern('history')
  history(@Payload() body: MessageBody<'history'>): Promise<unknown> {
    return this.core.histories.read(body);
  }
}
