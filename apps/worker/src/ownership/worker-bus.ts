import type { Topology } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';

/** The bus, and the name by which the worker speaks there. */
export interface WorkerBus {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly workerId: string;
  readonly log: Logger;
}
