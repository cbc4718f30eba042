/** What benchmarks share with the tests: real servers, named by the environment or started for the run. */
export { ensureServers, type TestServers } from './support/servers.js';
export { seedScheduled } from './support/seeds.js';
