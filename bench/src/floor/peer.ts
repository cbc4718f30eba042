/** The floor's process B: sends back what comes. Run as `node peer.js`, ends with SIGTERM. */
import { floorQueues, openBrokerLink } from './broker-link.js';

const { FLUX_AMQP_URL: url, FLUX_NAMESPACE: namespace } = process.env;
if (!url || !namespace) throw new Error('FLUX_AMQP_URL and FLUX_NAMESPACE must be set');

const { there, back } = floorQueues(namespace);
const link = await openBrokerLink(url);
await link.declare(there);
await link.declare(back);
await link.consume(there, (content, acknowledge) => {
  acknowledge();
  void link.publish(back, content);
});
process.once('SIGTERM', () => void link.close());
process.stdout.write('ready\n');
