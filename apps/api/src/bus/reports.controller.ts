import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MessageBody } from '@flux/contracts';
import type { Outcome } from '@flux/messaging';
import { CORE, type Core } from './ports.js';

/** Hears what workers and other replicas tell; the outcome settles the delivery. */
@Controller()
export class ReportsController {
  readonly #core: Core;

  constructor(@Inject(CORE) core: Core) {
    this.#core = core;
  }

  @EventPattern('checkpoints')
  checkpoints(@Payload() body: MessageBody<'checkpoints'>): Promise<Outcome> {
    return this.#core.checkpoints.apply(body);
  }

  @EventPattern('take_back')
  async takeBack(@Payload() { items }: MessageBody<'take_back'>): Promise<void> {
    await this.#core.checkpoints.settled();
    await this.#core.loss.takeBack(items);
  }

  @EventPattern('progress')
  progress(@Payload() body: MessageBody<'progress'>): Outcome {
    this.#core.hub.tellProgress(body);
    return { kind: 'ack' };
  }

  @EventPattern('updates')
  updates(@Payload() body: MessageBody<'updates'>): Outcome {
    this.#core.hub.notify(body.items);
    return { kind: 'ack' };
  }
}
