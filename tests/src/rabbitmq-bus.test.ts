import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Address, QueueAddress } from '@flux/contracts';
import { BusUnavailableError, UnroutableError, connectRabbitMq, type Bus } from '@flux/messaging';
import { connect, type ChannelModel, type GetMessage } from 'amqplib';
import {
  DELIVERY_LIMIT,
  Inbox,
  describeBus,
  type BuriedMessage,
  type BusHarness,
} from '@flux/messaging/testing';
import { TcpProxy } from '@flux/testing';

const ACK = { kind: 'ack' } as const;

function brokerUrl(): string {
  const url = process.env['FLUX_TEST_AMQP_URL'];
  if (!url) throw new Error('FLUX_TEST_AMQP_URL is not set');
  return url;
}

/** The broker under test: each bus of it is behind a proxy of its own. */
class Broker implements BusHarness {
  readonly deadLetters: QueueAddress = { kind: 'dead-letters', name: `test.${randomUUID()}.dead-letters` };
  readonly #proxies = new Map<Bus, TcpProxy>();
  readonly #admin: ChannelModel;

  private constructor(admin: ChannelModel) {
    this.#admin = admin;
  }

  static async open(): Promise<Broker> {
    return new Broker(await connect(brokerUrl()));
  }

  /**
   * @param up whether the broker can be reached from the start
   * @param channels the most that a connection may have
   */
  async connect({ up = true, channels = 2_047 } = {}): Promise<Bus> {
    const proxy = new TcpProxy(brokerUrl());
    const url = `${await proxy.start()}?channelMax=${channels}`;
    if (!up) await proxy.stop();
    const { deadLetters } = this;
    const settings = { connectionName: 'test', deadLetters, deliveryLimit: DELIVERY_LIMIT };
    const bus = await connectRabbitMq({ url, ...settings });
    this.#proxies.set(bus, proxy);
    return bus;
  }

  proxyOf(bus: Bus): TcpProxy {
    const proxy = this.#proxies.get(bus);
    if (!proxy) throw new Error('the bus is of another broker');
    return proxy;
  }

  async kill(bus: Bus): Promise<void> {
    await this.proxyOf(bus).stop();
  }

  async inject(queue: QueueAddress, type: string, content: string): Promise<void> {
    const channel = await this.#admin.createConfirmChannel();
    channel.sendToQueue(queue.name, Buffer.from(content), { type });
    await channel.waitForConfirms();
    await channel.close();
  }

  async nextDeadLetter(): Promise<BuriedMessage> {
    const channel = await this.#admin.createChannel();
    let message: GetMessage | false = false;
    while (!message) {
      message = await channel.get(this.deadLetters.name, { noAck: true });
      if (!message) await sleep(5);
    }
    await channel.close();
    return toBuried(message);
  }

  async dispose(used: readonly Address[]): Promise<void> {
    await Promise.all([...this.#proxies.keys()].map((bus) => bus.close()));
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()));
    const channel = await this.#admin.createChannel();
    for (const { kind, name } of [...used, this.deadLetters]) {
      if (kind === 'topic') await channel.deleteExchange(name);
      else await channel.deleteQueue(name);
    }
    await this.#admin.close();
  }
}

function toBuried({ content, properties }: GetMessage): BuriedMessage {
  const headers = properties.headers ?? {};
  const death = headers['x-death']?.[0];
  return {
    type: String(properties.type),
    content: content.toString(),
    reason: String(headers['x-flux-reason'] ?? death?.reason),
    queue: String(headers['x-flux-queue'] ?? death?.queue),
  };
}

describeBus('RabbitMQ bus', () => Broker.open());

describe('RabbitMQ bus, connection', () => {
  let broker: Broker;
  let used: QueueAddress[];
  const queue = (kind: QueueAddress['kind']): QueueAddress => {
    const address = { kind, name: `test.${kind}.${randomUUID()}` };
    used.push(address);
    return address;
  };
  beforeEach(async () => {
    used = [];
    broker = await Broker.open();
  });
  afterEach(() => broker.dispose(used));

  test('loses no confirm: every publish under way settles when the connection is cut', async () => {
    const bus = await broker.connect();
    const address = queue('work');
    await bus.declare(address);
    const publishes = Array.from({ length: 500 }, (_, index) => bus.publish(address, 'n', index));
    const settled = Promise.allSettled(publishes);
    await Promise.race(publishes);
    await broker.proxyOf(bus).cut();
    for (const result of await settled) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(BusUnavailableError);
    }
    await state(bus, 'connected');
    await bus.publish(address, 'n', 'after', { mandatory: true });
  });

  test('declares and consumes again after a cut, paused subscriptions stay paused', async () => {
    const [bus, other] = [await broker.connect(), await broker.connect()];
    const [control, declared] = [queue('exclusive'), queue('exclusive')];
    const [held, updates] = [queue('work'), topic()];
    const inboxes = { control: new Inbox(), held: new Inbox(), updates: new Inbox() };
    await bus.declare(declared);
    await bus.subscribe(control, inboxes.control.handler(ACK), { prefetch: 1 });
    await bus.subscribe(updates, inboxes.updates.handler(ACK), { prefetch: 1 });
    const paused = await bus.subscribe(held, inboxes.held.handler(ACK), { prefetch: 1 });
    await paused.pause();
    await broker.proxyOf(bus).cut();
    await state(bus, 'connected');
    await other.publish(declared, 'n', 0, { mandatory: true });
    await other.publish(held, 'n', 1, { mandatory: true });
    await other.publish(control, 'n', 2, { mandatory: true });
    await other.publish(updates, 'n', 3, { mandatory: true });
    expect((await inboxes.control.take(1))[0]?.body).toBe(2);
    expect((await inboxes.updates.take(1))[0]?.body).toBe(3);
    expect(inboxes.held.size).toBe(0);
    await paused.resume();
    expect((await inboxes.held.take(1))[0]?.body).toBe(1);
    expect(await other.request(control, 'ask', 1, { timeoutMs: 5_000 })).toBeNull();
  });

  test('delivers again what was unacknowledged when the connection was cut', async () => {
    const bus = await broker.connect();
    const address = queue('work');
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.blocker(), { prefetch: 1 });
    await bus.publish(address, 'n', 1);
    expect((await inbox.take(1))[0]).toMatchObject({ redelivered: false });
    await broker.proxyOf(bus).cut();
    expect((await inbox.take(1))[0]).toMatchObject({ body: 1, redelivered: true });
    inbox.release(ACK);
    await bus.publish(address, 'n', 2);
    expect((await inbox.take(1))[0]).toMatchObject({ body: 2, redelivered: false });
    inbox.release(ACK);
  });

  test('boots while the broker is down, and takes up its work when that is back', async () => {
    const bus = await broker.connect({ up: false });
    const [address, declared] = [queue('work'), queue('work')];
    const inbox = new Inbox();
    expect(bus.state).toBe('disconnected');
    await bus.declare(declared);
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    await expect(bus.publish(address, 'n', 1)).rejects.toThrow(BusUnavailableError);
    await expect(bus.request(address, 'n', 1, { timeoutMs: 5_000 })).rejects.toThrow(BusUnavailableError);
    await broker.proxyOf(bus).start();
    await state(bus, 'connected');
    await bus.publish(declared, 'n', 2, { mandatory: true });
    await bus.publish(address, 'n', 3, { mandatory: true });
    expect((await inbox.take(1))[0]?.body).toBe(3);
  });

  test('closes while the broker is down', async () => {
    const bus = await broker.connect({ up: false });
    await bus.subscribe(queue('work'), async () => ACK, { prefetch: 1 });
    await bus.close();
  });

  test('takes a refused url and refused credentials for what they are', async () => {
    const options = { connectionName: 'test', deadLetters: broker.deadLetters };
    await expect(connectRabbitMq({ url: 'http://localhost', ...options })).rejects.toThrow(TypeError);
    await expect(connectRabbitMq({ url: 'localhost:5672', ...options })).rejects.toThrow(TypeError);
    const wrong = new URL(brokerUrl());
    wrong.password = 'wrong';
    await expect(connectRabbitMq({ url: wrong.href, ...options })).rejects.toMatchObject({
      message: expect.stringContaining('ACCESS_REFUSED'),
      code: 'INVALID_SETTINGS',
      hint: expect.stringContaining('FLUX_AMQP_URL'),
    });
  });

  test('says that the virtual host is missing, and waits for it', async () => {
    const url = new URL(brokerUrl());
    url.pathname = '/nowhere';
    const warn = jest.fn();
    const options = { connectionName: 'test', deadLetters: broker.deadLetters, log: { log: warn, warn } };
    const bus = await connectRabbitMq({ url: url.href, ...options });
    expect(bus.state).toBe('disconnected');
    expect(warn.mock.calls).toEqual([[expect.stringContaining('does not open the virtual host')]]);
    await bus.close();
  });

  test('a subscription the broker refuses harms no other', async () => {
    const bus = await broker.connect();
    const address = queue('work');
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    const clash: QueueAddress = { kind: 'ordered', name: address.name };
    await expect(bus.subscribe(clash, async () => ACK, { prefetch: 1 })).rejects.toThrow(
      /PRECONDITION_FAILED/,
    );
    await expect(bus.declare(clash)).rejects.toThrow(/PRECONDITION_FAILED/);
    await bus.publish(address, 'n', 1);
    expect((await inbox.take(1))[0]?.body).toBe(1);
    expect(bus.state).toBe('connected');
  });

  test('consumes more queues than its connection has channels (elsewhere: a thousand workflows need more channels than there are)', async () => {
    const channels = 40;
    const bus = await broker.connect({ channels });
    const addresses = Array.from({ length: 3 * channels }, () => queue('work'));
    const inbox = new Inbox();
    await Promise.all(addresses.map((address) => bus.declare(address)));
    await Promise.all(
      addresses.map((address) => bus.subscribe(address, inbox.handler(ACK), { prefetch: 2 })),
    );
    await Promise.all(
      addresses.map((address, index) => bus.publish(address, 'n', index, { mandatory: true })),
    );
    const bodies = (await inbox.take(addresses.length)).map(({ body }) => Number(body));
    expect(bodies.sort((one, other) => one - other)).toEqual(addresses.map((_, index) => index));
  });

  test('declares and consumes anew a queue that was deleted under it', async () => {
    const bus = await broker.connect();
    const address = queue('work');
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    const admin = await connect(brokerUrl());
    await (await admin.createChannel()).deleteQueue(address.name);
    await admin.close();
    await eventually(() => bus.publish(address, 'n', 1, { mandatory: true }));
    expect((await inbox.take(1))[0]?.body).toBe(1);
  });
});

function topic(): Address {
  return { kind: 'topic', name: `test.topic.${randomUUID()}` };
}

async function state(bus: Bus, wanted: Bus['state']): Promise<void> {
  if (bus.state === wanted) return;
  await new Promise<void>((resolve) => {
    const stop = bus.onStateChange((now) => {
      if (now !== wanted) return;
      stop();
      resolve();
    });
  });
}

/** Repeats a publish until a queue takes it; one that is being deleted refuses. */
async function eventually(publish: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await publish();
    } catch (error) {
      if (!(error instanceof UnroutableError || error instanceof BusUnavailableError)) throw error;
      await sleep(5);
    }
  }
}
