import { connect } from 'amqplib';

/** The number of messages that may be unacknowledged at once on either side. */
const FLOOR_PREFETCH = 256;

/** The two quorum queues of a floor: from A to B and back. */
export function floorQueues(namespace: string): { there: string; back: string } {
  return { there: `${namespace}.floor.there`, back: `${namespace}.floor.back` };
}

export type BrokerLink = Awaited<ReturnType<typeof openBrokerLink>>;

/** A connection and a confirm channel, used bare. */
export async function openBrokerLink(url: string) {
  // Nagle's algorithm would have a small publish wait 40 ms for the acknowledgement of the packet before it.
  const connection = await connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(FLOOR_PREFETCH);
  return {
    declare: (queue: string) =>
      channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } }),
    remove: (queue: string) => channel.deleteQueue(queue),
    /** Resolves when the broker has confirmed the persistent message. */
    publish: (queue: string, content: Buffer) =>
      new Promise<void>((resolve, reject) => {
        channel.sendToQueue(queue, content, { persistent: true }, (error: Error | null) =>
          error ? reject(error) : resolve(),
        );
      }),
    consume: (queue: string, handle: (content: Buffer, acknowledge: () => void) => void) =>
      channel.consume(queue, (message) => {
        if (message) handle(message.content, () => channel.ack(message));
      }),
    close: () => connection.close(),
  };
}
