import { hostname } from 'node:os';
import { byteSize, duration, readSettings, sharedSettings, workerName } from '@flux/contracts';
import { z } from 'zod';

const count = (most: number): z.ZodType<number> =>
  z.coerce.number().int('must be a whole number').min(1).max(most);

/** This machine's name in the alphabet of worker names. */
function defaultName(): string {
  return `worker-${hostname()}`.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 64);
}

/** What `startWorker` needs; the broker's address is the business of whoever connects the bus. */
export const workerSettings = z.object({
  FLUX_NAMESPACE: sharedSettings.FLUX_NAMESPACE,
  FLUX_LOG_LEVEL: sharedSettings.FLUX_LOG_LEVEL,
  FLUX_WORKER_NAME: workerName.default(defaultName),
  /** Executions at a time. */
  FLUX_WORKER_CONCURRENCY: count(100_000).default(100),
  /** Shared runners. */
  FLUX_WORKER_RUNNERS: count(256).default(2),
  /** The folder whose `.ts` and `.js` files export the workflows. */
  FLUX_WORKFLOWS: z.string().min(1),
  /** The most JSON that an input, an output or a progress may be. */
  FLUX_MAX_INPUT: byteSize.prefault('1 MiB'),
  /** How long what runs may go on when the worker is told to end. */
  FLUX_WORKER_DRAIN: duration.prefault('10s'),
  /** How long a runner may be busy without a break before it is told of. */
  FLUX_WORKER_BLOCKED_AFTER: duration.prefault('1s'),
});
export type WorkerSettings = z.infer<typeof workerSettings>;

/** The settings of a worker process, which connects to a broker itself. */
const processSettings = workerSettings.extend({ FLUX_AMQP_URL: sharedSettings.FLUX_AMQP_URL });
export type WorkerProcessSettings = z.infer<typeof processSettings>;

/** @throws FluxError `INVALID_SETTINGS` that names every fault at once */
export function readWorkerSettings(
  environment: Readonly<Record<string, string | undefined>>,
): WorkerProcessSettings {
  return readSettings(processSettings, environment);
}
