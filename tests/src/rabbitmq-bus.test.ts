import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Address, QueueAddress } from '@flux/contracts';
import { BusUnavailableError, UnroutableError, connectRabbitMq, type Bus } from '@flux/messaging';
import { connect, type ChannelModel, type GetMessage } from 'amqplib';
import {
  DELIVERY_LIMIT,
  Inbox,
  TcpProxy,
  describeBus,
  type BuriedMessage,
  type BusHarness,
} from '@flux/messaging/testing';

const ACK = { kind: 'ack' } as const;

function brokerUrl(): URL {
  const url = process.env['FLUX_TEST_AMQP_URL'];
  if (!url) throw new Error('FLUX_TEST_AMQP_URL is not set');
  return new URL(url);
}

/** A bus behind a proxy of its own. */
interface ProxiedBus {
  readonly bus: Bus;
  readonly proxy: TcpProxy;
}

/** What these tests open on the broker, and how it ends. */
class Broker {
  readonly deadLetters: QueueAddress = { kind: 'dead-letters', name: `test.${randomUUID()}.dead-letters` };
  readonly #proxied: ProxiedBus[] = [];
  readonly #admin: ChannelModel;

  private constructor(admin: ChannelModel) {
    this.#admin = admin;
  }

  static async open(): Promise<Broker> {
    return new Broker(await connect(brokerUrl().href));
  }

  /** @param up whether the broker can be reached from the start */
  async connect({ up = true } = {}): Promise<ProxiedBus> {
    const proxy = new TcpProxy(brokerUrl());
    const url = brokerUrl();
    url.port = String(await proxy.start());
    if (!up) await proxy.stop();
    const { deadLetters } = this;
    const settings = { connectionName: 'test', deadLetters, deliveryLimit: DELIVERY_LIMIT };
    const proxied = { bus: await connectRabbitMq({ url: url.href, ...settings }), proxy };
    this.#proxied.push(proxied);
    return proxied;
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

  /** Closes what was opened and deletes what was used. */
  async dispose(used: readonly Address[]): Promise<void> {
    await Promise.all(this.#proxied.map(({ bus }) => bus.close()));
    await Promise.all(this.#proxied.map(({ proxy }) => proxy.stop()));
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

describeBus('RabbitMQ bus', async (): Promise<BusHarness> => {
  const broker = await Broker.open();
  const proxies = new Map<Bus, TcpProxy>();
  return {
    connect: async () => {
      const { bus, proxy } = await broker.connect();
      proxies.set(bus, proxy);
      return bus;
    },
    kill: async (bus) => proxies.get(bus)?.stop(),
    inject: (queue, type, content) => broker.inject(queue, type, content),
    nextDeadLetter: () => broker.nextDeadLetter(),
    dispose: (used) => broker.dispose(used),
  };
});

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
    const { bus, proxy } = await broker.connect();
    const address = queue('work');
    await bus.declare(address);
    const publishes = Array.from({ length: 500 }, (_, index) => bus.publish(address, 'n', index));
    const settled = Promise.allSettled(publishes);
    await Promise.race(publishes);
    await proxy.cut();
    for (const result of await settled) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(BusUnavailableError);
    }
    await state(bus, 'connected');
    await bus.publish(address, 'n', 'after', { mandatory: true });
  });

  test('declares and consumes again after a cut, paused subscriptions stay paused', async () => {
    const [{ bus, proxy }, { bus: other }] = [await broker.connect(), await broker.connect()];
    const [control, declared, held, updates] = [
      queue('exclusive'),
      queue('exclusive'),
      queue('work'),
      topic(),
    ];
    const inboxes = { control: new Inbox(), held: new Inbox(), updates: new Inbox() };
    await bus.declare(declared);
    await bus.subscribe(control, inboxes.control.handler(ACK), { prefetch: 1 });
    await bus.subscribe(updates, inboxes.updates.handler(ACK), { prefetch: 1 });
    const paused = await bus.subscribe(held, inboxes.held.handler(ACK), { prefetch: 1 });
    await paused.pause();
    await proxy.cut();
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
    const { bus, proxy } = await broker.connect();
    const address = queue('work');
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.blocker(), { prefetch: 1 });
    await bus.publish(address, 'n', 1);
    expect((await inbox.take(1))[0]).toMatchObject({ redelivered: false });
    await proxy.cut();
    expect((await inbox.take(1))[0]).toMatchObject({ body: 1, redelivered: true });
    inbox.release(ACK);
    await bus.publish(address, 'n', 2);
    expect((await inbox.take(1))[0]).toMatchObject({ body: 2, redelivered: false });
    inbox.release(ACK);
  });

  test('boots while the broker is down, and takes up its work when that is back', async () => {
    const { bus, proxy } = await broker.connect({ up: false });
    const [address, declared] = [queue('work'), queue('work')];
    const inbox = new Inbox();
    expect(bus.state).toBe('disconnected');
    await bus.declare(declared);
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    await expect(bus.publish(address, 'n', 1)).rejects.toThrow(BusUnavailableError);
    await expect(bus.request(address, 'n', 1, { timeoutMs: 5_000 })).rejects.toThrow(BusUnavailableError);
    await proxy.start();
    await state(bus, 'connected');
    await bus.publish(declared, 'n', 2, { mandatory: true });
    await bus.publish(address, 'n', 3, { mandatory: true });
    expect((await inbox.take(1))[0]?.body).toBe(3);
  });

  test('closes while the broker is down', async () => {
    const { bus } = await broker.connect({ up: false });
    await bus.subscribe(queue('work'), async () => ACK, { prefetch: 1 });
    await bus.close();
  });

  test('takes a refused url and refused credentials for what they are', async () => {
    const options = { connectionName: 'test', deadLetters: broker.deadLetters };
    await expect(connectRabbitMq({ url: 'http://localhost', ...options })).rejects.toThrow(TypeError);
    await expect(connectRabbitMq({ url: 'localhost:5672', ...options })).rejects.toThrow(TypeError);
    const wrong = brokerUrl();
    wrong.password = 'wrong';
    await expect(connectRabbitMq({ url: wrong.href, ...options })).rejects.toMatchObject({
      message: expect.stringContaining('ACCESS_REFUSED'),
      code: 'INVALID_SETTINGS',
      hint: expect.stringContaining('FLUX_AMQP_URL'),
    });
  });

  test('says that the virtual host is missing, and waits for it', async () => {
    const url = brokerUrl();
    url.pathname = '/nowhere';
    const warn = jest.fn();
    const options = { connectionName: 'test', deadLetters: broker.deadLetters, log: { log: warn, warn } };
    const bus = await connectRabbitMq({ url: url.href, ...options });
    expect(bus.state).toBe('disconnected');
    expect(warn.mock.calls).toEqual([[expect.stringContaining('does not open the virtual host')]]);
    await bus.close();
  });

  test('a subscription the broker refuses harms no other', async () => {
    const { bus } = await broker.connect();
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

  test('declares and consumes anew a queue that was deleted under it', async () => {
    const { bus } = await broker.connect();
    const address = queue('work');
    const inbox = new Inbox();
    await bus.subscribe(address, inbox.handler(ACK), { prefetch: 1 });
    const admin = await connect(brokerUrl().href);
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
