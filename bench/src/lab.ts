import { createSandbox } from '../../tests/dist/support/sandbox.js';
import type { Sandbox } from '../../tests/dist/support/sandbox.js';
import { ensureServers } from '../../tests/dist/support/servers.js';
import type { Defer } from './benchmark.js';

export { spawnNode } from '../../tests/dist/support/flux-process.js';
export type { FluxProcess, Sandbox } from '../../tests/dist/support/sandbox.js';

/** Real servers, and on them a database and a namespace of this run's own. */
export interface Lab {
  readonly sandbox: Sandbox;
  readonly defer: Defer;
}

/**
 * On the servers that FLUX_TEST_DATABASE_URL and FLUX_TEST_AMQP_URL name, else on new ones (5 s), which end with
 * this process however it ends. In the end every process of the sandbox is stopped and its data removed.
 */
export async function openLab(defer: Defer): Promise<Lab> {
  const servers = await ensureServers();
  defer(() => servers.stop());
  process.env.FLUX_TEST_DATABASE_URL = servers.databaseUrl;
  process.env.FLUX_TEST_AMQP_URL = servers.amqpUrl;
  process.env.FLUX_TEST_AMQP_MANAGEMENT_URL = servers.managementUrl ?? '';
  const sandbox = await createSandbox();
  defer(() => sandbox.close());
  return { sandbox, defer };
}
