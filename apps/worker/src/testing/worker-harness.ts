import { fileURLToPath } from 'node:url';
import { createMemoryBroker, type MemoryBroker, type MemoryBus } from '@flux/messaging';
import { pino, type Logger } from 'pino';
import { descendants, until } from '@flux/testing';
import type { WorkerSettings } from '../settings.js';
import { startWorker, type RunningWorker } from '../worker.js';
import { FakeApi } from './fake-api.js';

/**
 * The workflows as the build compiled them: a runner that need not load a TypeScript compiler starts with a third
 * less.
 */
const compiled = (folder: string): string =>
  fileURLToPath(new URL(`../../dist/testing/${folder}`, import.meta.url));

export const FIXTURES = compiled('fixtures');
/** Workflows that take more than half a second to load. */
export const SLOW_FIXTURES = compiled('slow-fixtures');

/** The time that a kill may take beyond the grace period. */
export const KILL_MS = 500;
/** The end of an execution that was killed at its deadline, and of one whose cleanup came through. */
export const KILLED = { outcome: 'cancelled', forced: true, cleanup: 'timed_out' };
export const TIDIED = { outcome: 'cancelled', forced: false, cleanup: 'succeeded' };

export interface HarnessOptions extends Partial<WorkerSettings> {
  /** Sets the api up before the worker comes. */
  readonly prepare?: (api: FakeApi) => void;
}

/** A worker with real runners, on a memory bus with a stand-in for the api. */
export class Harness {
  readonly broker: MemoryBroker;
  readonly api: FakeApi;
  readonly bus: MemoryBus;
  readonly worker: RunningWorker;
  readonly settings: WorkerSettings;
  readonly logger: Logger;
  readonly logs: ReadonlyArray<Record<string, unknown>>;

  private constructor(parts: Omit<Harness, 'clear' | 'close' | 'until' | 'logged'>) {
    this.broker = parts.broker;
    this.api = parts.api;
    this.bus = parts.bus;
    this.worker = parts.worker;
    this.settings = parts.settings;
    this.logger = parts.logger;
    this.logs = parts.logs;
  }

  static async start({ prepare, ...own }: HarnessOptions = {}): Promise<Harness> {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'test');
    prepare?.(api);
    const bus = broker.connect();
    const logs: Array<Record<string, unknown>> = [];
    const write = (line: string): void => void logs.push(JSON.parse(line) as Record<string, unknown>);
    const settings = {
      FLUX_NAMESPACE: 'test',
      FLUX_LOG_LEVEL: 'debug',
      FLUX_WORKER_NAME: 'worker-a',
      FLUX_WORKER_CONCURRENCY: 10,
      FLUX_WORKER_RUNNERS: 1,
      FLUX_WORKER_SPARE_RUNNERS: 0,
      FLUX_WORKFLOWS: FIXTURES,
      FLUX_WORKER_DRAIN: 0,
      FLUX_WORKER_BLOCKED_AFTER: 300,
      FLUX_WORKER_RUNNER_MEMORY: 0,
      FLUX_MAX_INPUT: 1024 ** 2,
      FLUX_INPUT_CHECK_TIMEOUT: 1000,
      ...own,
    } as const;
    const logger = pino({ level: 'debug' }, { write });
    const worker = await startWorker({ bus, settings, logger });
    return new Harness({ broker, api, bus, worker, settings, logger, logs });
  }

  /** Ends what still runs and takes back what heartbeats answer: an idle worker whose runner is up is left. */
  async clear(): Promise<void> {
    const { api } = this;
    api.cancels = [];
    api.fenced = [];
    const beats = api.heartbeats.length;
    await api.until('a heartbeat', () => api.heartbeats.length > beats);
    for (const { executionId, attempt } of api.heartbeats.at(-1)?.running ?? []) {
      await api.cancel(executionId, 0, this.worker.workerId, attempt);
    }
    await api.until('an idle worker', () => api.heartbeats.at(-1)?.running.length === 0);
    await api.begin('empty', null, 'finished');
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.bus.close();
    this.api.bus.kill();
  }

  /** Resolves once `holds`; rejects after 20 s. */
  async until(what: string, holds: () => boolean): Promise<void> {
    await until(what, holds, 20_000, 5);
  }

  /** The log line with this message, if it was written. */
  logged(message: string): Record<string, unknown> | undefined {
    return this.logs.find((line) => line.msg === message);
  }
}

/** The processes below this one; each runner adds one and its death takes it away. */
export async function countProcesses(): Promise<number> {
  return (await descendants(process.pid)).length;
}
