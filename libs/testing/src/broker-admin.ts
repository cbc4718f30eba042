import { connect, type ChannelModel } from 'amqplib';
import { leftAfter } from './wait.js';

const REFUSED_AS_EXCLUSIVE = 405;

/** Looks at and cleans up what lies on the broker below a name prefix: names by the management API, the rest by AMQP. */
export class BrokerAdmin {
  constructor(
    private readonly amqpUrl: string,
    private readonly managementUrl: string | undefined,
  ) {}

  async isReachable(): Promise<boolean> {
    return this.get('whoami').then(
      () => true,
      () => false,
    );
  }

  /**
   * Deletes every queue and exchange whose name starts with `prefix`.
   * @returns a line for each queue that a live connection still holds or reads `settleMs` after the call.
   */
  async removeAll(prefix: string, settleMs: number): Promise<string[]> {
    if (this.managementUrl === undefined) return [];
    const connection = await connect(this.amqpUrl);
    connection.on('error', () => undefined);
    try {
      const leaks = await leftAfter(settleMs, () => this.findHeldQueues(connection, prefix));
      const channelOf = (): ReturnType<ChannelModel['createChannel']> => openChannel(connection);
      for (const queue of await this.names('queues', prefix)) {
        // An exclusive one goes with its connection; it is in the list of leaks.
        await (await channelOf()).deleteQueue(queue).catch(() => undefined);
      }
      for (const exchange of await this.names('exchanges', prefix)) {
        await (await channelOf()).deleteExchange(exchange).catch(() => undefined);
      }
      return leaks;
    } finally {
      await connection.close();
    }
  }

  private async findHeldQueues(connection: ChannelModel, prefix: string): Promise<string[]> {
    const leaks: string[] = [];
    for (const queue of await this.names('queues', prefix)) {
      const channel = await openChannel(connection);
      try {
        const { consumerCount } = await channel.checkQueue(queue);
        if (consumerCount > 0) leaks.push(`queue ${queue} still has ${consumerCount} consumer(s)`);
        await channel.close();
      } catch (error) {
        // The refusal has closed the channel; any other one means that the queue is gone by now.
        if ((error as { code?: number }).code !== REFUSED_AS_EXCLUSIVE) continue;
        leaks.push(`exclusive queue ${queue} is still held by a live connection`);
      }
    }
    return leaks;
  }

  private async names(kind: 'queues' | 'exchanges', prefix: string): Promise<string[]> {
    const vhost = decodeURIComponent(new URL(this.amqpUrl).pathname.slice(1)) || '/';
    const path = `${kind}/${encodeURIComponent(vhost)}?columns=name&disable_stats=true`;
    const found = (await this.get(path)) as { name: string }[];
    return found.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  }

  private async get(path: string): Promise<unknown> {
    const url = new URL(this.managementUrl ?? '');
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    const response = await fetch(`${url.origin}/api/${path}`, {
      headers: { authorization },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`GET /api/${path} of the broker answered ${response.status}`);
    return response.json();
  }
}

async function openChannel(connection: ChannelModel): ReturnType<ChannelModel['createChannel']> {
  const channel = await connection.createChannel();
  // A refused command also arrives as an event of its channel.
  channel.on('error', () => undefined);
  return channel;
}
