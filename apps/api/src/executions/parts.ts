import type { Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { isConnectionError } from '../database/errors.js';
import type { Relay } from '../dispatch/relay.js';
import type { BatcherOptions } from '../flow/batcher.js';
import type { Decisions } from '../lifecycle/replaceable.js';
import type { CoreMetrics } from '../metrics/core-metrics.js';
import type { LiveWorkers } from '../registry/live-workers.js';
import type { WorkflowRegistry } from '../registry/workflows.js';
import type { ExecutionStore, Stores } from '../store/ports.js';
import type { ExecutionWriter } from './execution-writer.js';

/** How the requests of many callers go together. */
export const REQUEST_BATCHES: BatcherOptions = { maxBatch: 200, flights: 2, failsAll: isConnectionError };

/** The parts of which the verbs are made; each verb picks those that it needs. */
export interface VerbParts {
  readonly stores: Stores;
  /** The one of executions among the stores. */
  readonly store: ExecutionStore;
  readonly writer: ExecutionWriter;
  readonly relay: Relay;
  readonly registry: WorkflowRegistry;
  readonly workers: LiveWorkers;
  readonly bus: Bus;
  readonly topology: Topology;
  readonly metrics: CoreMetrics;
  readonly decisions: Decisions;
  readonly logger: Logger;
  /** The grace period of executions whose workflow and cancel name none; milliseconds. */
  readonly gracePeriodMs: number;
  /** Milliseconds without a heartbeat until a worker is lost. */
  readonly leaseMs: number;
}
