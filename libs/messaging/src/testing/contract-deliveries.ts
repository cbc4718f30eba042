import { expect, test } from '@jest/globals';
import { MESSAGE_LIMIT_BYTES } from '@flux/contracts';
import {
  BusUnavailableError,
  JsonText,
  MessageTooLargeError,
  UnroutableError,
  type Outcome,
} from '../port.js';
import { ACK, DELIVERY_LIMIT, type Context } from './harness.js';
import { Inbox } from './inbox.js';

export function describePublishing({ consumer, harness, queue, topic }: Context): void {
  test('delivers in the order of publishing, with type and body', async () => {
    const { bus, address, inbox } = await consumer('work', undefined, 10);
    const sent = Array.from({ length: 200 }, (_, index) => ({ index, nested: { list: ['ä', null, 1.5] } }));
    await Promise.all(sent.map((body) => bus.publish(address, 'numbered', body)));
    const received = await inbox.take(sent.length);
    expect(received.map(({ body }) => body)).toEqual(sent);
    expect(received[0]).toMatchObject({ type: 'numbered', redelivered: false });
  });

  test('shares no object and keeps what JSON keeps', async () => {
    const { bus, address, inbox } = await consumer('work');
    const body = { at: new Date(0), gone: undefined, list: [undefined] };
    await bus.publish(address, 'json', body);
    await bus.publish(address, 'json', undefined);
    const [first, second] = await inbox.take(2);
    expect(first?.body).toStrictEqual({ at: '1970-01-01T00:00:00.000Z', list: [null] });
    expect(second?.body).toBeNull();
  });

  test('keeps what was published to a declared queue until someone subscribes', async () => {
    const bus = await harness().connect();
    const address = queue('work');
    await bus.declare(address);
    await bus.declare(address);
    await bus.publish(address, 'kept', 1, { mandatory: true });
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    expect((await inbox.take(1))[0]?.body).toBe(1);
  });

  test('rejects a mandatory message that no queue takes, and only that one', async () => {
    const bus = await harness().connect();
    const [missing, there] = [queue('exclusive'), queue('exclusive')];
    await bus.declare(there);
    const results = await Promise.allSettled([
      bus.publish(there, 'a', 1, { mandatory: true }),
      bus.publish(missing, 'b', 2, { mandatory: true, persistent: false }),
      bus.publish(missing, 'c', 3),
      bus.publish(there, 'd', 4, { mandatory: true }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: expect.any(UnroutableError) });
    await expect(bus.publish(topic(), 'e', 5, { mandatory: true })).rejects.toThrow(UnroutableError);
  });

  test('refuses what is larger than a message may be, but for a topic, and takes JSON text as it is', async () => {
    const bus = await harness().connect();
    const [address, all] = [queue('work'), topic()];
    const [inbox, one, two] = [new Inbox(), new Inbox(), new Inbox()];
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    for (const each of [one, two]) await bus.subscribe(all, each.handler(ACK), { prefetch: 1 });
    const bodies = ['é', 'è', 'ê'].map((letter) => letter.repeat(MESSAGE_LIMIT_BYTES));
    await expect(bus.publish(address, 'large', bodies[0])).rejects.toThrow(MessageTooLargeError);
    await Promise.all(bodies.map((body) => bus.publish(all, 'large', body, { persistent: false })));
    for (const each of [one, two]) {
      const received = (await each.take(3)).map(({ body }) => body);
      expect(bodies.map((body) => received.includes(body))).toEqual([true, true, true]);
      expect(received).toHaveLength(3);
    }
    await bus.publish(address, 'text', new JsonText('{"a":[1,null]}'));
    expect((await inbox.take(1))[0]).toMatchObject({ type: 'text', body: { a: [1, null] } });
  });

  test('rejects a body that is not JSON and stays usable', async () => {
    const bus = await harness().connect();
    const address = queue('work');
    await bus.declare(address);
    await expect(bus.publish(address, 'big', 1n)).rejects.toThrow(TypeError);
    await bus.publish(address, 'fine', 1, { mandatory: true });
  });
}

export function describeConsuming({ consumer, harness, queue }: Context): void {
  test('hands out no more than prefetch at a time', async () => {
    const { bus, address, inbox } = await consumer('work', (to) => to.blocker(), 3);
    const [other, witness] = [queue('work'), new Inbox()];
    await bus.subscribe(other, witness.handler(ACK), { prefetch: 1 });
    await Promise.all(Array.from({ length: 9 }, (_, index) => bus.publish(address, 'n', index)));
    for (const size of [3, 6, 9]) {
      await inbox.take(3);
      await bus.publish(other, 'witness', size);
      await witness.take(1);
      expect(inbox.size).toBe(size);
      inbox.release(ACK);
    }
  });

  test('holds back while paused and goes on when resumed', async () => {
    const bus = await harness().connect();
    const [address, other] = [queue('work'), queue('work')];
    const [inbox, witness] = [new Inbox(), new Inbox()];
    const subscription = await bus.subscribe(address, inbox.handler(ACK), { prefetch: 5 });
    await bus.subscribe(other, witness.handler(ACK), { prefetch: 5 });
    await subscription.pause();
    await subscription.pause();
    await bus.publish(address, 'held', 1);
    await bus.publish(other, 'witness', 1);
    await witness.take(1);
    expect(inbox.size).toBe(0);
    await subscription.resume();
    await subscription.resume();
    expect((await inbox.take(1))[0]?.body).toBe(1);
  });

  test('shares a work queue among its consumers', async () => {
    const [one, two] = [await harness().connect(), await harness().connect()];
    const address = queue('work');
    const [left, right] = [new Inbox(), new Inbox()];
    await one.subscribe(address, left.blocker(), { prefetch: 1 });
    await two.subscribe(address, right.blocker(), { prefetch: 1 });
    await one.publish(address, 'n', 1);
    await one.publish(address, 'n', 2);
    const taken = [...(await left.take(1)), ...(await right.take(1))];
    expect(taken.map(({ body }) => body).sort()).toEqual([1, 2]);
    for (const gate of [left, right]) gate.release(ACK);
  });

  test('gives a message of a dead consumer to another, marked as redelivered', async () => {
    const [doomed, other] = [await harness().connect(), await harness().connect()];
    const address = queue('work');
    const [lost, inbox] = [new Inbox(), new Inbox()];
    await doomed.subscribe(address, lost.blocker(), { prefetch: 1 });
    await other.publish(address, 'n', 1);
    await lost.take(1);
    await harness().kill(doomed);
    await other.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    expect((await inbox.take(1))[0]).toMatchObject({ body: 1, redelivered: true });
    lost.release(ACK);
    expect(doomed.state).toBe('disconnected');
    await expect(doomed.publish(address, 'n', 2)).rejects.toThrow(BusUnavailableError);
  });
}

export function describeSettling({ consumer, harness }: Context): void {
  test('redelivers after the delay', async () => {
    const times: number[] = [];
    const { bus, address, inbox } = await consumer('work', (to) => async (delivery) => {
      times.push(performance.now());
      const outcome: Outcome = delivery.redelivered ? ACK : { kind: 'retry', delayMs: 100 };
      return to.handler(outcome)(delivery);
    });
    await bus.publish(address, 'n', 1);
    const [first, second] = await inbox.take(2);
    expect([first?.redelivered, second?.redelivered]).toEqual([false, true]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(95);
  });

  test('a handler that throws has asked for a retry', async () => {
    const { bus, address, inbox } = await consumer('work', (to) => (delivery) => {
      void to.handler(ACK)(delivery);
      if (!delivery.redelivered) throw new Error('first time');
      return Promise.resolve(ACK);
    });
    await bus.publish(address, 'n', 1);
    const deliveries = await inbox.take(2);
    expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([false, true]);
  });

  test.each(['work', 'ordered', 'exclusive'] as const)(
    'buries what comes back too often (%s)',
    async (kind) => {
      const { bus, address, inbox } = await consumer(kind, (to) => to.handler({ kind: 'retry' }));
      await bus.publish(address, 'poison', { whole: true });
      const letter = await harness().nextDeadLetter();
      expect(letter).toEqual({
        type: 'poison',
        content: '{"whole":true}',
        reason: 'delivery_limit',
        queue: address.name,
      });
      expect(inbox.size).toBe(DELIVERY_LIMIT + 1);
    },
  );

  test('buries whole what a handler rejects, with the reason', async () => {
    const rejected: Outcome = { kind: 'dead-letter', reason: 'no such type' };
    const { bus, address } = await consumer('requests', (to) => to.handler(rejected));
    await bus.publish(address, 'odd', { text: 'ä'.repeat(5000) });
    expect(await harness().nextDeadLetter()).toEqual({
      type: 'odd',
      content: JSON.stringify({ text: 'ä'.repeat(5000) }),
      reason: 'no such type',
      queue: address.name,
    });
  });

  test('buries what is not JSON without asking the handler', async () => {
    const { bus, address, inbox } = await consumer('work');
    await harness().inject(address, 'broken', '{"half":');
    await bus.publish(address, 'fine', 1);
    const letter = await harness().nextDeadLetter();
    expect(letter).toMatchObject({ type: 'broken', content: '{"half":', queue: address.name });
    expect(letter.reason).toMatch(/^unparsable: /);
    expect((await inbox.take(1))[0]?.type).toBe('fine');
  });
}
