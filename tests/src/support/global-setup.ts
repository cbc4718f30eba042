import { randomUUID } from 'node:crypto';
import { ensureServers, guardTestRun } from '@flux/testing';
import { keepTestRun } from './global-state.js';

/** Jest's global setup: servers for the whole run, named to the test files by environment variables. */
export default async function globalSetup(): Promise<void> {
  const servers = await ensureServers();
  const runId = randomUUID();
  keepTestRun({ servers, guard: guardTestRun(runId) });
  process.env.FLUX_TEST_RUN = runId;
}
