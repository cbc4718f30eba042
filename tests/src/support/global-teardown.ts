import { takeTestRun } from './global-state.js';

/** Jest's global teardown: ends what the setup started, and what tests have left running. */
export default async function globalTeardown(): Promise<void> {
  const testRun = takeTestRun();
  await testRun?.guard.stop();
  await testRun?.servers.stop();
}
