import type { Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';

/** What the core is built from. The bus stays its maker's to close. */
export interface CoreOptions {
  readonly databaseUrl: string;
  readonly topology: Topology;
  readonly bus: Bus;
  /** Milliseconds without a heartbeat until a worker is lost. */
  readonly leaseMs: number;
  /** How often workers shall send one; milliseconds. */
  readonly heartbeatMs: number;
  /** Of executions whose workflow and request name none; milliseconds. */
  readonly gracePeriodMs: number;
  readonly logger: Logger;
}
