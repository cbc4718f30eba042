/** The means by which tests of other packages drive the api without a server. */
export { assembleCore } from '../app/core.js';
export { type Core } from '../bus/ports.js';
export { busSubscriptions } from '../bus/subscriptions.js';
export { connectDatabase } from '../database/data-source.js';
export { PostgresDatabase, type Database } from '../database/database.js';
export { ReportsController } from '../bus/reports.controller.js';
export { RequestsController } from '../bus/requests.controller.js';
export { SyncWait } from '../http/executions/sync-wait.js';
export { compileSchema } from '../executions/compiled-schema.js';
export { DECISIONS, type Decisions } from '../lifecycle/replaceable.js';
export type { Stores } from '../store/ports.js';
export { type Write } from '../store/pending-write.js';
export { postgresStores } from '../store/postgres-stores.js';
export { memoryStores, played, type MemoryStores } from './memory-stores/memory-stores.js';
export { emptyTables, type MemoryTables } from './memory-stores/memory-tables.js';
