import { connect } from 'amqplib';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';

/** As much may be unacknowledged at once on either side. */
export const FLOOR_PREFETCH = 256;

/** The two quorum queues of a floor: from A to B and back. */
export function floorQueues(namespace: string): { there: string; back: string } {
  return { there: `${namespace}.floor.there`, back: `${namespace}.floor.back` };
}

/** One connection and one confirm channel, used bare. */
export interface BrokerLink {
  declare(queue: string): Promise<void>;
  remove(queue: string): Promise<void>;
  /** Resolves when the broker has confirmed the persistent message. */
  publish(queue: string, content: Buffer): Promise<void>;
  consume(queue: string, handle: (content: Buffer, acknowledge: () => void) => void): Promise<void>;
  close(): Promise<void>;
}

export async function openBrokerLink(url: string): Promise<BrokerLink> {
  // Without it a small publish waits 40 ms for the acknowledgement of the packet before it.
  const connection = await connect(url, { noDelay: true });
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  await channel.prefetch(FLOOR_PREFETCH);
  return {
    async declare(queue) {
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    },
    async remove(queue) {
      await channel.deleteQueue(queue);
    },
    publish: (queue, content) =>
      new Promise((resolve, reject) => {
        channel.sendToQueue(queue, content, { persistent: true }, (error: Error | null) =>
          error ? reject(error) : resolve(),
        );
      }),
    async consume(queue, handle) {
      const receive = (message: ConsumeMessage | null): void => {
        if (message) handle(message.content, () => channel.ack(message));
      };
      await channel.consume(queue, receive);
    },
    close: () => connection.close(),
  };
}
