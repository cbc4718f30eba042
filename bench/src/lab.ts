import { createSandbox, ensureServers, type Sandbox } from '@flux/testing';
import type { Defer } from './benchmark.js';

/** Real servers, and on them a database and a namespace of this run's own. */
export type Lab = Sandbox & { readonly defer: Defer };

/**
 * Sets a lab up on the servers that FLUX_TEST_DATABASE_URL and FLUX_TEST_AMQP_URL name, else on servers of its own,
 * started as for the tests. In the end every process of the lab is stopped, and its database, queues and exchanges
 * are removed.
 * @throws TestServerError when a server cannot be had
 */
export async function openLab(defer: Defer): Promise<Lab> {
  const servers = await ensureServers();
  defer(() => servers.stop());
  // CPU profiles take their time to be written.
  const sandbox = await createSandbox({ stopTimeoutMs: 15_000 });
  defer(() => sandbox.close());
  return { ...sandbox, defer };
}
