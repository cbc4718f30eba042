/** What tests of other packages drive the api by, without a server. */
export { assembleCore, type Core } from '../core.js';
export { busSubscriptions } from '../core.module.js';
export { createDataSource } from '../database/data-source.js';
export { PostgresDatabase, type Database, type Sql, type Statement } from '../database/database.js';
export { ExecutionStore } from '../executions/execution-store.js';
export { EventsController } from '../handlers/events.controller.js';
export { RequestsController } from '../handlers/requests.controller.js';
export { SyncWait } from '../rest/sync-wait.js';
export { MEMORY_STATEMENTS, MemoryTables } from './memory-database/memory-database.js';
