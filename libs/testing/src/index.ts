/**
 * The common ground of tests and benchmarks: real servers, a part of them for each, processes, and how to await
 * things.
 */
export { canInstall, installDebian } from './apt.js';
export { spawnNode, type FluxProcess } from './flux-process.js';
export { freePort, run, TestServerError } from './machine.js';
export { startPgBouncer, type OwnPgBouncer } from './pgbouncer.js';
export { FLUX, ROOT } from './places.js';
export { startOwnPostgres } from './postgres-server.js';
export * from './processes.js';
export { startOwnRabbit } from './rabbitmq-server.js';
export { inColumns, machineFacts } from './report.js';
export { guardTestRun } from './run-guard.js';
export { queryOnce, withClient } from './sandbox-database.js';
export { createSandbox, SandboxLeakError, type Sandbox, type SandboxOptions } from './sandbox.js';
export { seedHandedBack, seedLargeValues, seedLongHistory, seedScheduled } from './seeds.js';
export { ensureServers, type TestServers } from './servers.js';
export type { SupervisedProcess } from './supervised-process.js';
export { TcpProxy } from './tcp-proxy.js';
export { timed } from './timed.js';
export { leftAfter, until } from './wait.js';
