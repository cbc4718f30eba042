import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MessageBody } from '@flux/contracts';
import type { Outcome } from '@flux/messaging';
import type { Core } from '../core.js';
import { CORE } from './tokens.js';

/** What workers and other replicas tell; the outcome settles the delivery. */
@Controller()
export class EventsController {
  constructor(@Inject(CORE) private readonly core: Core) {}

  @EventPattern('checkpoints')
  checkpoints(@Payload() body: MessageBody<'checkpoints'>): Promise<Outcome> {
    return this.core.checkpoints.apply(body);
  }

  @EventPattern('progress')
  progress(@Payload() body: MessageBody<'progress'>): Outcome {
    this.core.hub.tellProgress(body);
    return { kind: 'ack' };
  }

  @EventPattern('updates')
  updates(@Payload() body: MessageBody<'updates'>): Outcome {
    this.core.hub.notify(body.items);
    return { kind: 'ack' };
  }
}
