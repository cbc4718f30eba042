import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createTopology, parseMessage } from '@flux/contracts';
import { BusServer, keepHeapLean, type Bus } from '@flux/messaging';
import { pino, type Logger } from 'pino';
import { Handlers } from './handlers.js';
import { runQueuesOf, type RunQueue } from './intake/run-queues.js';
import { Programs } from './programs/programs.js';
import type { WorkerSettings } from './settings.js';
import { Supervisor } from './supervisor.js';

const CONTROL_PREFETCH = 1000;
/** The prefetch of each run queue: enough to keep claims in batches, few enough to leave work for others. */
const MOST_RUN_PREFETCH = 32;

/** JSON lines on standard output; what cannot be written, as to a terminal that is gone, ends no worker. */
export function createLogger(level: string): Logger {
  const output = pino.destination(1);
  output.on('error', () => undefined);
  return pino({ level }, output);
}

export interface WorkerOptions {
  readonly settings: WorkerSettings;
  /** Stays the caller's to close, after the worker. */
  readonly bus: Bus;
  /** The api is in this process too, so that the link to it cannot be lost. Default false. */
  readonly embedded?: boolean;
  /** Default: JSON lines on standard output at `FLUX_LOG_LEVEL`. */
  readonly logger?: Logger;
  /** Gives the start up: it may wait for the api as long as that is away. */
  readonly signal?: AbortSignal;
}

export interface RunningWorker {
  /** The worker's name and its incarnation: `name@0a1b2c3d`. */
  readonly workerId: string;
  /** The names of its workflows. */
  readonly workflows: readonly string[];
  /**
   * Drains, gives back what has not ended, takes leave. Nothing is marked as cancelled. Resolves when no
   * runner is left. Idempotent.
   */
  close(): Promise<void>;
}

@Module({})
class WorkerModule {}

/**
 * Starts a worker and resolves once the api knows it and its queues are consumed.
 * @throws FluxError `INVALID_WORKFLOWS` that names every faulty file · the reason of `signal` when that aborts
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  // The limit that V8 gives the heap while it starts stays until the heap has grown to it.
  keepHeapLean();
  const { settings, bus, logger, signal, embedded = false } = options;
  const { FLUX_WORKER_NAME: name, FLUX_WORKER_CONCURRENCY: concurrency } = settings;
  const workerId = `${name}@${randomBytes(4).toString('hex')}`;
  const topology = createTopology(settings.FLUX_NAMESPACE);
  const log = (logger ?? createLogger(settings.FLUX_LOG_LEVEL)).child({ workerId });
  const supervisor = new Supervisor({
    bus,
    topology,
    workerId,
    name,
    directory: resolve(settings.FLUX_WORKFLOWS),
    concurrency,
    runners: settings.FLUX_WORKER_RUNNERS,
    spares: settings.FLUX_WORKER_SPARE_RUNNERS,
    maxPayloadBytes: settings.FLUX_MAX_INPUT,
    memoryBytes: settings.FLUX_WORKER_RUNNER_MEMORY || undefined,
    drainMs: settings.FLUX_WORKER_DRAIN,
    embedded,
    blockedAfterMs: settings.FLUX_WORKER_BLOCKED_AFTER,
    inputCheckMs: settings.FLUX_INPUT_CHECK_TIMEOUT,
    programs: new Programs({ workerId, log }),
    log,
  });
  const server = new BusServer({
    bus,
    subscriptions: [{ address: topology.control(workerId), prefetch: CONTROL_PREFETCH }],
    parse: parseMessage,
  });
  const root: DynamicModule = {
    module: WorkerModule,
    controllers: [Handlers],
    providers: [{ provide: Supervisor, useValue: supervisor }],
  };
  const app = await NestFactory.createMicroservice(root, { strategy: server, logger: false });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= supervisor.close().then(() => app.close()));
  const giveUp = (): void => void close();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    signal?.throwIfAborted();
    const definitions = await supervisor.load();
    const workflows = definitions.map(({ workflowName }) => workflowName);
    await app.listen();
    await supervisor.join();
    signal?.throwIfAborted();
    const prefetch = Math.min(concurrency, MOST_RUN_PREFETCH);
    const consume = async ({ workflowName, queue }: RunQueue): Promise<void> =>
      supervisor.addRunQueue(workflowName, await server.addSubscription(queue, prefetch));
    await Promise.all(runQueuesOf(topology, definitions).map(consume));
    log.info({ workflows }, 'the worker is ready');
    return { workerId, workflows, close };
  } catch (error) {
    await close();
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}
