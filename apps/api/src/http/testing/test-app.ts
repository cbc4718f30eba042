import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import type { NamedWorkers } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { FluxError } from '@flux/domain';
import { Counter, Registry } from 'prom-client';
import { CORE } from '../../bus/ports.js';
import type { ByHandService } from '../../fleet/by-hand.js';
import type { FleetService } from '../../fleet/fleet-service.js';
import type { ScheduleService } from '../../schedules/schedule-service.js';
import type { NewWish } from '../../store/ports.js';
import { createHttpApp } from '../http-app.js';
import { createLogger } from '../logging.js';
import { call } from './client.js';
import { FakeCancellations } from './fake-cancellations.js';
import { FakeExecutions } from './fake-executions.js';

export const MAX_BODY_BYTES = 4096;

class FakeCore {}

function coreFigures(): Registry {
  const registry = new Registry();
  new Counter({ name: 'flux_of_the_core_total', help: 'One of the core.', registers: [registry] });
  return registry;
}

/** A FleetService with one workflow and no workers. */
class FakeFleet implements FleetService {
  databaseFault: () => Promise<string | undefined> = () => Promise.resolve(undefined);
  readonly #known = {
    workflowName: 'known',
    version: null,
    inputSchema: null,
    gracePeriodMs: null,
    timeoutMs: null,
    runner: 'shared' as const,
    cancelOn: [],
    strays: [],
    registeredAt: '2026-01-01T00:00:00.000Z',
    workers: 1,
    versions: [{ version: null, workers: 1, registeredAt: '2026-01-01T00:00:00.000Z' }],
  };

  workflows = () => Promise.resolve({ items: [this.#known] });
  workers = () => Promise.resolve({ items: [] });
  named = (name: string) => Promise.resolve({ name, byHand: null, workers: [] });
  workflow = (name: string) =>
    name === 'known'
      ? Promise.resolve(this.#known)
      : Promise.reject(new FluxError('WORKFLOW_NOT_FOUND', 'there is no such workflow'));
}

/** The workers of the name `known`, which were asked by hand what `wishes` has. */
class FakeByHand implements ByHandService {
  readonly wishes: NewWish[] = [];

  async assertKnown(name: string): Promise<void> {
    if (name !== 'known') throw new FluxError('WORKER_NOT_FOUND', 'there is no such worker');
  }

  async wish(name: string, wish: NewWish): Promise<NamedWorkers> {
    await this.assertKnown(name);
    this.wishes.push(wish);
    const { kind, requestedBy, reason } = wish;
    const byHand = kind && { wish: kind, requestedBy, reason, since: '2026-01-01T00:00:00.000Z' };
    return { name, byHand, workers: [] };
  }
}

/** No schedule is there, and none can be made. */
function noSchedules(): ScheduleService {
  const refuse = (): Promise<never> => Promise.reject(new FluxError('SCHEDULE_NOT_FOUND', 'there is none'));
  return {
    create: refuse,
    replace: refuse,
    pause: refuse,
    resume: refuse,
    trigger: refuse,
    remove: refuse,
    get: refuse,
    fires: refuse,
    list: () => Promise.resolve({ items: [], nextCursor: null }),
  };
}

export type TestApp = Awaited<ReturnType<typeof startTestApp>>;

export const ID = '01930000-0000-7000-8000-00000000000b';
export const START = '/workflows/known/executions';
export const EXECUTION = `${START}/${ID}`;

/** The REST layer over fakes in which `known` has the execution `ID`. */
export async function startTestAppWithExecution(): Promise<TestApp> {
  const app = await startTestApp();
  await call(app.url, START, { method: 'POST', body: { executionId: ID } });
  return app;
}

/** The REST layer over fakes, on a free port unless one is given; `log` has the lines of its log, parsed. */
export async function startTestApp({ port = 0 } = {}) {
  const executions = new FakeExecutions();
  const cancellations = new FakeCancellations();
  const fleet = new FakeFleet();
  const byHand = new FakeByHand();
  const bus = createMemoryBroker().connect();
  const log: Record<string, unknown>[] = [];
  const schedules = noSchedules();
  const metrics = { registry: coreFigures() };
  const services = { executions, cancellations, fleet, byHand, schedules, metrics };
  const core: DynamicModule = {
    module: FakeCore,
    providers: [{ provide: CORE, useValue: services }],
    exports: [CORE],
  };
  const app = await createHttpApp({
    core,
    bus,
    logger: createLogger('debug', { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) }),
    maxBodyBytes: MAX_BODY_BYTES,
    responseMemoryBytes: 1024 ** 2,
  });
  const close = async (): Promise<void> => {
    await app.drain();
    await app.nest.close();
    await bus.close();
  };
  const url = await app.listen('127.0.0.1', port).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { ...app, url, executions, cancellations, fleet, byHand, bus, log, close };
}
