import { createTopology } from '@flux/contracts';
import { connectRabbitMq, type Bus } from '@flux/messaging';
import type { Running } from '../serve.js';

interface BrokerSettings {
  readonly FLUX_AMQP_URL: string;
  readonly FLUX_NAMESPACE: string;
}

/** Connects to the broker, starts `part` on it and closes both in turn, also when the start fails. */
export async function startOnBroker<R extends Running>(
  settings: BrokerSettings,
  connectionName: string,
  start: (bus: Bus) => Promise<R>,
): Promise<R> {
  const { deadLetters } = createTopology(settings.FLUX_NAMESPACE);
  const bus = await connectRabbitMq({ url: settings.FLUX_AMQP_URL, connectionName, deadLetters });
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
