import { Controller, Inject, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Address, QueueAddress } from '@flux/contracts';
import { of } from 'rxjs';
import { BUS, BusServer, type BusContext, type ParsedBody } from './bus-server.js';
import { createMemoryBroker, type MemoryBroker } from './memory/memory-broker.js';
import type { MemoryBus } from './memory/memory-bus.js';
import { RequestTimeoutError, type Bus, type Outcome } from './port.js';
import { Inbox } from './testing/inbox.js';

const work: QueueAddress = { kind: 'work', name: 'work' };
const requests: QueueAddress = { kind: 'requests', name: 'requests' };
const results: QueueAddress = { kind: 'work', name: 'results' };

@Controller()
class Handlers {
  readonly #bus: Bus;

  constructor(@Inject(BUS) bus: Bus) {
    this.#bus = bus;
  }

  @EventPattern<string>('note')
  async note(@Payload() body: unknown): Promise<void> {
    await this.#bus.publish(results, 'noted', body);
  }

  @EventPattern<string>('reject')
  reject(): Outcome {
    return { kind: 'dead-letter', reason: 'on purpose' };
  }

  @EventPattern<string>('flaky')
  async flaky(@Payload() body: unknown, @Ctx() context: BusContext): Promise<Outcome> {
    if (!context.delivery.redelivered) throw new Error('first time');
    await this.#bus.publish(results, 'recovered', body);
    return { kind: 'ack' };
  }

  @MessagePattern('double')
  double(@Payload() body: number): number {
    return body * 2;
  }

  @MessagePattern('stream')
  stream(): unknown {
    return of(1, 2, 3);
  }

  @MessagePattern('broken')
  broken(): never {
    throw new Error('always');
  }
}

function parse(_type: string, body: unknown): ParsedBody {
  return body === 'odd' ? { ok: false, reason: 'body: odd' } : { ok: true, value: body };
}

describe('BusServer', () => {
  let broker: MemoryBroker;
  let bus: MemoryBus;
  let client: MemoryBus;
  let server: BusServer;
  let app: INestMicroservice;
  let inbox: Inbox;

  beforeEach(async () => {
    broker = createMemoryBroker();
    bus = broker.connect();
    client = broker.connect();
    inbox = new Inbox();
    await client.subscribe(results, inbox.handler({ kind: 'ack' }), { prefetch: 10 });
    @Module({ controllers: [Handlers], providers: [{ provide: BUS, useValue: bus }] })
    class App {}
    const subscriptions = [work, requests].map((address: Address) => ({ address, prefetch: 5 }));
    server = new BusServer({ bus, subscriptions, parse });
    app = await NestFactory.createMicroservice(App, { strategy: server, logger: false });
    await app.listen();
  });
  afterEach(async () => {
    await app.close();
    await Promise.all([bus.close(), client.close()]);
  });

  async function deadLetterReason(): Promise<string | undefined> {
    while (broker.deadLetters().length === 0) await new Promise(setImmediate);
    return broker.deadLetters()[0]?.reason;
  }

  test('hands an event to its handler', async () => {
    await client.publish(work, 'note', { text: 'hello' });
    expect((await inbox.take(1))[0]).toMatchObject({ type: 'noted', body: { text: 'hello' } });
  });

  test('answers a request with the value or with the last of an observable', async () => {
    expect(await client.request(requests, 'double', 21, { timeoutMs: 5_000 })).toBe(42);
    expect(await client.request(requests, 'stream', 0, { timeoutMs: 5_000 })).toBe(3);
  });

  test('follows the outcome of an event handler', async () => {
    await client.publish(work, 'reject', {});
    expect(await deadLetterReason()).toBe('on purpose');
  });

  test('tries an event again whose handler threw', async () => {
    await client.publish(work, 'flaky', 7);
    expect((await inbox.take(1))[0]).toMatchObject({ type: 'recovered', body: 7 });
  });

  test('lets a request time out whose handler throws', async () => {
    const request = client.request(requests, 'broken', 1, { timeoutMs: 50 });
    await expect(request).rejects.toThrow(RequestTimeoutError);
  });

  test('buries an unknown type', async () => {
    await client.publish(work, 'unheard-of', {});
    expect(await deadLetterReason()).toBe('no handler for messages of type unheard-of');
  });

  test('buries a body that fails its schema', async () => {
    await client.publish(work, 'note', 'odd');
    expect(await deadLetterReason()).toBe('body: odd');
  });

  test('consumes an address that came later, until that ends', async () => {
    const late: QueueAddress = { kind: 'exclusive', name: 'late' };
    const subscription = await server.addSubscription(late, 1);
    expect(await client.request(late, 'double', 2, { timeoutMs: 5_000 })).toBe(4);
    await subscription.close();
    await expect(client.request(late, 'double', 2, { timeoutMs: 5_000 })).rejects.toThrow('no queue');
  });

  test('stops consuming when it closes, and leaves the bus open', async () => {
    await app.close();
    await client.publish(work, 'note', 'kept', { mandatory: true });
    const heir = new Inbox();
    await client.subscribe(work, heir.handler({ kind: 'ack' }), { prefetch: 1 });
    expect((await heir.take(1))[0]?.body).toBe('kept');
    expect(server.unwrap<Bus>().state).toBe('connected');
  });

  test('refuses a second handler of one type', () => {
    expect(() => server.addHandler('note', async () => undefined)).toThrow('two handlers');
  });
});
