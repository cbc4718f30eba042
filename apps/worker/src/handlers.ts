import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { CancelNotice, MessageBody } from '@flux/contracts';
import { BusContext, type Outcome } from '@flux/messaging';
import { Supervisor } from './supervisor.js';

/** Handles what arrives at a worker: executions on the run queues, the rest on its control queue. */
@Controller()
export class Handlers {
  readonly #supervisor: Supervisor;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  @EventPattern<string>('run')
  run(@Payload() message: MessageBody<'run'>, @Ctx() context: BusContext): Promise<Outcome> {
    return this.#supervisor.takeDelivery(message, context.delivery.redelivered);
  }

  @EventPattern<string>('offer')
  offer(@Payload() message: MessageBody<'offer'>): Promise<void> {
    return this.#supervisor.offer(message);
  }

  @EventPattern<string>('cancel')
  cancel(@Payload() notice: CancelNotice): void {
    this.#supervisor.cancel(notice);
  }

  @EventPattern<string>('pause')
  pause(@Payload() message: MessageBody<'pause'>): void {
    this.#supervisor.pause(message);
  }

  @EventPattern<string>('child')
  child(@Payload() message: MessageBody<'child'>): void {
    this.#supervisor.childEnded(message);
  }

  @EventPattern<string>('fence')
  fence(@Payload() message: MessageBody<'fence'>): void {
    this.#supervisor.fence(message);
  }

  /** The ping's arrival is the answer: the broker returns a ping whose worker is gone. */
  @EventPattern<string>('ping')
  ping(@Payload() { asks = false, wish }: MessageBody<'ping'>): void {
    if (wish) this.#supervisor.wished(wish);
    if (asks) this.#supervisor.asked();
  }
}
