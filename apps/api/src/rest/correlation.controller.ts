import { Body, Controller, Inject, Post, Res } from '@nestjs/common';
import { ACTOR_HEADER, eventBody, type EventBody } from '@flux/contracts';
import type { FastifyReply } from 'fastify';
import { CANCELLATION_SERVICE, type CancellationService } from '../cancellations/cancellation-service.js';
import { actorPipe, bodyPipe, Header } from './validation.js';

@Controller()
export class CorrelationController {
  constructor(@Inject(CANCELLATION_SERVICE) private readonly cancellations: CancellationService) {}

  @Post('events')
  async receive(
    @Body(bodyPipe(eventBody)) { name, key, reason }: EventBody,
    @Header(ACTOR_HEADER, actorPipe) requestedBy: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const receipt = await this.cancellations.receive({ name, key, requestedBy, reason: reason ?? null });
    const { cancellationId: id } = receipt;
    if (id !== null) reply.code(202).header('location', `/cancellations/${id}`);
    else reply.code(200);
    void reply.send(receipt);
  }
}
