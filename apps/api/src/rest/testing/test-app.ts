import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { createMemoryBroker, type Bus } from '@flux/messaging';
import { FluxError } from '@flux/domain';
import { Counter, Registry } from 'prom-client';
import { CANCELLATION_SERVICE } from '../../cancellations/cancellation-service.js';
import { EXECUTION_SERVICE } from '../../executions/execution-service.js';
import { FLEET_SERVICE, type FleetService } from '../../fleet/fleet-service.js';
import { SCHEDULE_SERVICE, type ScheduleService } from '../../schedules/schedule-service.js';
import { createHttpApp, type HttpApp } from '../http-app.js';
import { createLogger } from '../logging.js';
import { FakeCancellations } from './fake-cancellations.js';
import { FakeExecutions } from './fake-executions.js';

export const MAX_BODY_BYTES = 4096;

const CORE_REGISTRY = Symbol('CoreRegistry');

class FakeCore {}

function coreFigures(): Registry {
  const registry = new Registry();
  new Counter({ name: 'flux_of_the_core_total', help: 'One of the core.', registers: [registry] });
  return registry;
}

/** A FleetService with one workflow and no workers. */
export class FakeFleet implements FleetService {
  database: () => Promise<boolean> = () => Promise.resolve(true);
  private readonly known = {
    workflowName: 'known',
    version: null,
    inputSchema: null,
    gracePeriodMs: null,
    timeoutMs: null,
    runner: 'shared' as const,
    cancelOn: [],
    registeredAt: '2026-01-01T00:00:00.000Z',
    workers: 1,
    versions: [{ version: null, workers: 1, registeredAt: '2026-01-01T00:00:00.000Z' }],
  };

  workflows = () => Promise.resolve({ items: [this.known] });
  workers = () => Promise.resolve({ items: [] });
  workflow = (name: string) =>
    name === 'known'
      ? Promise.resolve(this.known)
      : Promise.reject(new FluxError('WORKFLOW_NOT_FOUND', 'there is no such workflow'));
  databaseUp = () => this.database();
}

/** Nobody has made a schedule, and nobody can. */
function noSchedules(): ScheduleService {
  const refuse = (): Promise<never> => Promise.reject(new FluxError('SCHEDULE_NOT_FOUND', 'there is none'));
  return {
    ...{ create: refuse, replace: refuse, pause: refuse, resume: refuse, trigger: refuse, remove: refuse },
    ...{ get: refuse, fires: refuse, list: () => Promise.resolve({ items: [], nextCursor: null }) },
  };
}

export interface TestApp extends Pick<HttpApp, 'nest' | 'drain'> {
  readonly url: string;
  readonly executions: FakeExecutions;
  readonly cancellations: FakeCancellations;
  readonly fleet: FakeFleet;
  readonly bus: Bus;
  /** The log's lines, parsed. */
  readonly log: Record<string, unknown>[];
  close(): Promise<void>;
}

/** The REST layer over fakes, on a free port unless one is given. */
export async function startTestApp({ port = 0 } = {}): Promise<TestApp> {
  const executions = new FakeExecutions();
  const cancellations = new FakeCancellations();
  const fleet = new FakeFleet();
  const bus = createMemoryBroker().connect();
  const log: Record<string, unknown>[] = [];
  const core: DynamicModule = {
    module: FakeCore,
    providers: [
      { provide: EXECUTION_SERVICE, useValue: executions },
      { provide: CANCELLATION_SERVICE, useValue: cancellations },
      { provide: FLEET_SERVICE, useValue: fleet },
      { provide: SCHEDULE_SERVICE, useValue: noSchedules() },
      { provide: CORE_REGISTRY, useValue: coreFigures() },
    ],
    exports: [EXECUTION_SERVICE, CANCELLATION_SERVICE, FLEET_SERVICE, SCHEDULE_SERVICE, CORE_REGISTRY],
  };
  const app = await createHttpApp({
    core,
    bus,
    logger: createLogger('debug', { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) }),
    coreRegistry: CORE_REGISTRY,
    maxBodyBytes: MAX_BODY_BYTES,
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
  return { nest: app.nest, drain: () => app.drain(), url, executions, cancellations, fleet, bus, log, close };
}
