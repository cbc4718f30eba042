import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { MESSAGE_LIMIT_BYTES } from '@flux/contracts';
import {
  BusUnavailableError,
  RequestTimeoutError,
  UnroutableError,
  type Delivery,
  type Handler,
  type Outcome,
  type Subscription,
} from '../port.js';
import { ACK, type Context } from './harness.js';
import { Inbox } from './inbox.js';

export function describeRequests({ consumer, harness, queue }: Context): void {
  test('bring the reply to whoever asked', async () => {
    const [server, one, two] = await Promise.all([1, 2, 3].map(() => harness().connect()));
    if (!server || !one || !two) throw new Error('three buses expected');
    const address = queue('requests');
    const double = async ({ body }: Delivery): Promise<Outcome> => ({ kind: 'ack', reply: Number(body) * 2 });
    await server.subscribe(address, double, { prefetch: 10 });
    const asks = Array.from({ length: 40 }, (_, index) =>
      (index % 2 ? one : two).request(address, 'double', index, { timeoutMs: 5_000 }),
    );
    expect(await Promise.all(asks)).toEqual(asks.map((_, index) => index * 2));
    await server.subscribe(queue('exclusive'), async () => ACK, { prefetch: 1 });
  });

  test('resolve with null when the outcome has no reply', async () => {
    const { bus, address } = await consumer('exclusive');
    expect(await bus.request(address, 'ping', {}, { timeoutMs: 5_000 })).toBeNull();
  });

  test('bring a reply that is larger than a message may be, whole and to its own asker', async () => {
    const [server, one, two] = await Promise.all([1, 2, 3].map(() => harness().connect()));
    if (!server || !one || !two) throw new Error('three buses expected');
    const address = queue('data-requests');
    const largeOf = (body: unknown): string => `${body as number}é`.repeat(MESSAGE_LIMIT_BYTES);
    const handler = async ({ body }: Delivery): Promise<Outcome> => ({ kind: 'ack', reply: largeOf(body) });
    await server.subscribe(address, handler, { prefetch: 10 });
    const asks = [0, 1, 2, 3, 4, 5].map((index) =>
      (index % 2 ? one : two).request(address, 'large', index, { timeoutMs: 5_000 }),
    );
    const replies = await Promise.all(asks);
    expect(replies.map((reply, index) => reply === largeOf(index))).toEqual(replies.map(() => true));
  });

  test('time out, and expire from the queue', async () => {
    const bus = await harness().connect();
    const address = queue('requests');
    const inbox = new Inbox();
    await bus.declare(address);
    await expect(bus.request(address, 'late', 1, { timeoutMs: 50 })).rejects.toThrow(RequestTimeoutError);
    // The broker's clock started later than the asker's: once it had read the request, and no later than what comes
    // back of this one, and than the confirm of what stands behind the request in its queue.
    const nowhere = bus.request(queue('requests'), 'lost', 1, { timeoutMs: 5_000 });
    await expect(nowhere).rejects.toThrow(UnroutableError);
    await bus.publish(address, 'behind', 1, { mandatory: true });
    await sleep(60);
    await bus.subscribe(address, inbox.handler({ kind: 'ack', reply: 'here' }), { prefetch: 1 });
    expect(await bus.request(address, 'soon', 2, { timeoutMs: 5_000 })).toBe('here');
    expect((await inbox.take(2)).map(({ type }) => type)).toEqual(['behind', 'soon']);
  });

  test('reject when there is no such queue', async () => {
    const bus = await harness().connect();
    const request = bus.request(queue('requests'), 'ask', 1, { timeoutMs: 5_000 });
    await expect(request).rejects.toThrow(UnroutableError);
  });

  test('reject when the connection goes before the reply', async () => {
    const asker = await harness().connect();
    const { address, inbox } = await consumer('requests', (to) => to.blocker());
    const rejected = expect(asker.request(address, 'ask', 1, { timeoutMs: 30_000 })).rejects.toThrow(
      BusUnavailableError,
    );
    await inbox.take(1);
    await harness().kill(asker);
    await rejected;
    inbox.release(ACK);
  });
}

export function describeKinds({ harness, queue, topic }: Context): void {
  test('an ordered queue has one consumer at a time and keeps its order when that dies', async () => {
    const [first, second] = [await harness().connect(), await harness().connect()];
    const address = queue('ordered');
    const [held, inbox] = [new Inbox(), new Inbox()];
    await first.subscribe(address, held.blocker(), { prefetch: 5 });
    await second.subscribe(address, inbox.handler(ACK), { prefetch: 5 });
    for (let index = 0; index < 20; index += 1) await second.publish(address, 'n', index);
    expect((await held.take(5)).map(({ body }) => body)).toEqual([0, 1, 2, 3, 4]);
    expect(inbox.size).toBe(0);
    await harness().kill(first);
    const rest = await inbox.take(20);
    expect(rest.map(({ body }) => body)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    held.release(ACK);
  });

  test('an exclusive queue belongs to one bus and dies with it', async () => {
    const [owner, other] = [await harness().connect(), await harness().connect()];
    const address = queue('exclusive');
    const subscription = await owner.subscribe(address, async () => ACK, { prefetch: 1 });
    await expect(other.subscribe(address, async () => ACK, { prefetch: 1 })).rejects.toThrow(Error);
    await subscription.pause();
    await other.publish(address, 'ping', 1, { mandatory: true });
    await harness().kill(owner);
    await unroutable(() => other.publish(address, 'ping', 2, { mandatory: true }));
    await other.subscribe(address, async () => ACK, { prefetch: 1 });
    await other.publish(address, 'ping', 3, { mandatory: true });
  });

  test('closing the subscription deletes an exclusive queue', async () => {
    const bus = await harness().connect();
    const address = queue('exclusive');
    const subscription = await bus.subscribe(address, async () => ACK, { prefetch: 1 });
    await subscription.close();
    await subscription.close();
    await expect(bus.publish(address, 'ping', 1, { mandatory: true })).rejects.toThrow(UnroutableError);
  });

  test('a topic gives each subscriber its own copy, while it subscribes', async () => {
    const [one, two] = [await harness().connect(), await harness().connect()];
    const address = topic();
    const inboxes = [new Inbox(), new Inbox(), new Inbox()];
    await one.publish(address, 'n', 'nobody listens');
    const subscriptions: Subscription[] = [];
    for (const [index, inbox] of inboxes.entries()) {
      const bus = index === 0 ? one : two;
      subscriptions.push(await bus.subscribe(address, inbox.handler(ACK), { prefetch: 10 }));
    }
    for (let index = 0; index < 10; index += 1) await one.publish(address, 'n', index, { mandatory: true });
    for (const inbox of inboxes) {
      const bodies = (await inbox.take(10)).map(({ body }) => body);
      expect(bodies).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    for (const subscription of subscriptions) await subscription.close();
    await expect(one.publish(address, 'n', 11, { mandatory: true })).rejects.toThrow(UnroutableError);
  });
}

export function describeClosing({ consumer, harness, queue }: Context): void {
  test('waits for the handlers under way, which may still publish', async () => {
    const [bus, other] = [await harness().connect(), await harness().connect()];
    const [address, results] = [queue('work'), queue('work')];
    const [inbox, outbox] = [new Inbox(), new Inbox()];
    await other.subscribe(results, outbox.handler(ACK), { prefetch: 1 });
    const blocker = inbox.blocker();
    const handler: Handler = async (delivery) => {
      const outcome = await blocker(delivery);
      await bus.publish(results, 'done', delivery.body);
      return outcome;
    };
    await bus.subscribe(address, handler, { prefetch: 1 });
    await bus.publish(address, 'n', 1);
    await inbox.take(1);
    let closed = false;
    const closing = bus.close().then(() => (closed = true));
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    inbox.release(ACK);
    await closing;
    await bus.close();
    expect((await outbox.take(1))[0]?.body).toBe(1);
    expect(bus.state).toBe('disconnected');
    await expect(bus.publish(address, 'n', 2)).rejects.toThrow(BusUnavailableError);
    await expect(bus.subscribe(address, handler, { prefetch: 1 })).rejects.toThrow(BusUnavailableError);
    const left = new Inbox();
    await other.subscribe(address, left.handler(ACK), { prefetch: 1 });
    await other.publish(address, 'last', 3);
    expect((await left.take(1))[0]?.type).toBe('last');
  });

  test('gives delayed retries back at once', async () => {
    const [other, heir] = [await harness().connect(), new Inbox()];
    const retry: Outcome = { kind: 'retry', delayMs: 60_000 };
    const { bus, address, inbox } = await consumer('work', (to) => to.handler(retry));
    await bus.publish(address, 'n', 1);
    await inbox.take(1);
    await bus.close();
    await other.subscribe(address, heir.handler(ACK), { prefetch: 1 });
    expect((await heir.take(1))[0]).toMatchObject({ body: 1, redelivered: true });
  });

  test('tells its listeners', async () => {
    const bus = await harness().connect();
    const states: string[] = [];
    bus.onStateChange((state) => states.push(state));
    bus.onStateChange(() => states.push('unheard'))();
    await bus.close();
    expect(states).toEqual(['disconnected']);
  });
}

/** Resolves once a publish comes back: a broker needs a moment to notice a death. */
async function unroutable(publish: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await publish();
    } catch (error) {
      if (error instanceof UnroutableError) return;
      throw error;
    }
  }
}
