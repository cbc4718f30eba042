import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { BUS, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { CORE, type Core } from '../bus/ports.js';
import { CancellationsController } from './bulk-cancels/bulk-cancels.controller.js';
import { EventStreams } from './event-stream.js';
import { ExecutionsController } from './executions/executions.controller.js';
import { ResponseMemory } from '../flow/response-memory.js';
import { FleetController } from './fleet/fleet.controller.js';
import { JsonAnswers } from './json-answers.js';
import { OpenRequests } from './open-requests.js';
import { OperationsController } from './operations/operations.controller.js';
import { ProblemFilter } from './problem-filter.js';
import { SchedulesController } from './schedules/schedules.controller.js';
import { LOGGER, METRICS_REGISTRY } from './tokens.js';

export interface HttpAppOptions {
  /** Exports {@link CORE}. */
  readonly core: DynamicModule;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly maxBodyBytes: number;
  /** The memory that large answers take together. */
  readonly responseMemoryBytes: number;
}

/** The REST API over the core's services. */
@Module({})
export class RestModule {
  /** @param registry the figures of HTTP and the process; /metrics shows the core's too */
  static forRoot(
    { core, bus, logger, responseMemoryBytes }: HttpAppOptions,
    registry: Registry,
    openRequests: OpenRequests,
  ): DynamicModule {
    // Slow followers keep nobody from lists, and those who read lists nobody from cancels.
    const third = (): ResponseMemory => new ResponseMemory(responseMemoryBytes / 3);
    return {
      module: RestModule,
      imports: [core],
      controllers: [
        ExecutionsController,
        CancellationsController,
        SchedulesController,
        FleetController,
        OperationsController,
      ],
      providers: [
        { provide: BUS, useValue: bus },
        { provide: LOGGER, useValue: logger },
        { provide: OpenRequests, useValue: openRequests },
        { provide: APP_FILTER, useClass: ProblemFilter },
        {
          provide: METRICS_REGISTRY,
          useFactory: ({ metrics }: Core) => Registry.merge([registry, metrics.registry]),
          inject: [CORE],
        },
        { provide: EventStreams, useValue: new EventStreams({ logger, openRequests, memory: third() }) },
        {
          provide: JsonAnswers,
          useValue: new JsonAnswers(logger, { reads: third(), changes: third() }),
        },
      ],
    };
  }
}
