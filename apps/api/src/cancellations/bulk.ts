import type { Logger } from 'pino';
import type { Database } from '../database/database.js';
import type { Commits } from '../executions/commits.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { ExecutionWriter } from '../executions/execution-writer.js';
import { BulkRunner } from './bulk-runner.js';
import { BulkStore } from './bulk-store.js';
import type { CancellationService } from './cancellation-service.js';
import { FluxCancellationService } from './flux-cancellation-service.js';

/** What bulk cancels are built from. */
export interface BulkParts {
  readonly database: Database;
  readonly store: ExecutionStore;
  readonly writer: ExecutionWriter;
  readonly commits: Commits;
  /** Of executions whose workflow and request name none; milliseconds. */
  readonly gracePeriodMs: number;
  readonly logger: Logger;
}

/** Bulk cancels: what REST asks of them, and what works on them. */
export interface Bulk {
  readonly service: CancellationService;
  readonly runner: BulkRunner;
}

export function createBulk({ database, store, writer, commits, gracePeriodMs, logger }: BulkParts): Bulk {
  const jobs = new BulkStore(database);
  const runner = new BulkRunner(jobs, store, writer, commits, gracePeriodMs, logger);
  return { service: new FluxCancellationService(jobs, runner), runner };
}
