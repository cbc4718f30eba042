import type { Database } from '../database/database.js';
import type { Stores } from './ports.js';
import { postgresExecutions } from './postgres-executions.js';
import { postgresHistories } from './postgres-histories.js';
import { postgresOutbox } from './postgres-outbox.js';
import { postgresPieces } from './postgres-pieces.js';
import { postgresWorkers, postgresWorkflows } from './postgres-workers.js';

/** The {@link Stores} on PostgreSQL. */
export function postgresStores(database: Database): Stores {
  return {
    executions: postgresExecutions(database),
    histories: postgresHistories(database),
    outbox: postgresOutbox(database),
    pieces: postgresPieces(database),
    workers: postgresWorkers(database),
    workflows: postgresWorkflows(database),
  };
}
