import { createTopology } from '@flux/contracts';
import { connectRabbitMq, type Bus } from '@flux/messaging';
import type { Running } from '../serve.js';

interface BrokerSettings {
  readonly FLUX_AMQP_URL: string;
  readonly FLUX_NAMESPACE: string;
}

interface Log {
  info(message: string): void;
  warn(message: string): void;
}

/** Connects to the broker, starts `part` on it and closes both in turn, also when the start fails. */
export async function startOnBroker<R extends Running>(
  settings: BrokerSettings,
  connectionName: string,
  logger: Log,
  start: (bus: Bus) => Promise<R>,
): Promise<R> {
  const bus = await connectRabbitMq({
    url: settings.FLUX_AMQP_URL,
    connectionName,
    deadLetters: createTopology(settings.FLUX_NAMESPACE).deadLetters,
    log: { log: (message) => logger.info(message), warn: (message) => logger.warn(message) },
  });
  try {
    const part = await start(bus);
    return {
      ...part,
      async close() {
        await part.close();
        await bus.close();
      },
    };
  } catch (error) {
    await bus.close();
    throw error;
  }
}
