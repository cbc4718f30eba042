import { hostname } from 'node:os';
import {
  byteSize,
  count,
  duration,
  inputCheckTimeout,
  readSettings,
  sharedSettings,
  workerName,
} from '@flux/contracts';
import { z } from 'zod';

const LEAST_HEAP = 32 * 1024 ** 2;

/** The machine's name in the alphabet of worker names. */
function defaultName(): string {
  return `worker-${hostname()}`.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 64);
}

/** The settings that `startWorker` needs; the broker's address is the business of whoever connects the bus. */
export const workerSettings = z.object({
  FLUX_NAMESPACE: sharedSettings.FLUX_NAMESPACE,
  FLUX_LOG_LEVEL: sharedSettings.FLUX_LOG_LEVEL,
  FLUX_WORKER_NAME: workerName.default(defaultName).meta({
    description: "The worker's name; made of the host's where it is empty, so that scaled containers differ.",
    examples: [''],
  }),
  FLUX_WORKER_CONCURRENCY: count(100_000)
    .default(100)
    .describe('How many executions a worker runs at a time.'),
  FLUX_WORKER_RUNNERS: count(256).default(2).describe('How many shared runners it has, each a process.'),
  FLUX_WORKER_SPARE_RUNNERS: count(256, 0)
    .default(1)
    .describe(
      'How many runners it keeps warm beside those in use: neither the place of one that was killed nor an execution ' +
        'with a runner of its own then waits for the workflows to be loaded.',
    ),
  FLUX_WORKFLOWS: z
    .string()
    .min(1)
    .meta({
      description:
        'Folder whose .ts and .js files export the workflows; with compose a folder beside docker-compose.yml.',
      examples: ['./examples'],
    }),
  FLUX_WORKER_RUNNER_MEMORY: byteSize
    .prefault('0')
    .refine((bytes) => bytes === 0 || bytes >= LEAST_HEAP, 'must be 0, or 32 MiB or more')
    .describe(
      "The most memory that the JavaScript objects of one runner may take; 0: Node's own limit, which depends on the machine.",
    ),
  FLUX_MAX_INPUT: byteSize
    .prefault('1 MiB')
    .describe('The most JSON that an input, an output or a progress may be.'),
  FLUX_INPUT_CHECK_TIMEOUT: inputCheckTimeout,
  FLUX_WORKER_DRAIN: duration
    .prefault('10s')
    .describe('How long a worker that is asked to stop lets its executions go on before it hands them over.'),
  FLUX_WORKER_BLOCKED_AFTER: duration
    .prefault('1s')
    .describe(
      'How long workflow code may keep a runner busy without a break before it is warned of; a worker all of whose ' +
        'shared runners are that busy takes nothing more.',
    ),
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
