import { randomUUID } from 'node:crypto';
import { keepTestRun } from './global-state.js';
import { guardTestRun } from './run-guard.js';
import { ensureServers } from './servers.js';

/** Jest's global setup: servers for the whole run, named to the test files by environment variables. */
export default async function globalSetup(): Promise<void> {
  const servers = await ensureServers();
  const runId = randomUUID();
  keepTestRun({ servers, guard: guardTestRun(runId) });
  process.env.FLUX_TEST_RUN = runId;
  process.env.FLUX_TEST_DATABASE_URL = servers.databaseUrl;
  process.env.FLUX_TEST_AMQP_URL = servers.amqpUrl;
  process.env.FLUX_TEST_AMQP_MANAGEMENT_URL = servers.managementUrl ?? '';
}
