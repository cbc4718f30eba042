import { Module, type DynamicModule, type InjectionToken } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { BUS, type Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { ApiDescription } from './api-description.js';
import { BulkAnswers } from './bulk-answers.js';
import { CancelAnswers } from './cancel-answers.js';
import { CorrelationController } from './correlation.controller.js';
import { CancellationsController } from './cancellations.controller.js';
import { ParkingAnswers } from './parking-answers.js';
import { EventsAnswers } from './events-answers.js';
import { ExecutionsController } from './executions.controller.js';
import { FleetController } from './fleet.controller.js';
import { HistoryStream } from './history-stream.js';
import { OpenRequests } from './open-requests.js';
import { OperationsController } from './operations.controller.js';
import { ProblemFilter } from './problem-filter.js';
import { Readiness } from './readiness.js';
import { SchedulesController } from './schedules.controller.js';
import { StartAnswers } from './start-answers.js';
import { LOGGER, METRICS_REGISTRY } from './tokens.js';

export interface RestModuleOptions {
  /** Exports EXECUTION_SERVICE, CANCELLATION_SERVICE, FLEET_SERVICE, SCHEDULE_SERVICE and {@link coreRegistry}. */
  readonly core: DynamicModule;
  /** The token of the Registry with the core's figures, which /metrics shows too. */
  readonly coreRegistry: InjectionToken;
  readonly bus: Bus;
  readonly logger: Logger;
  /** The figures of HTTP and the process. */
  readonly registry: Registry;
  readonly openRequests: OpenRequests;
}

/** The REST API over the core's services. */
@Module({})
export class RestModule {
  static forRoot(options: RestModuleOptions): DynamicModule {
    const { core, coreRegistry, registry, bus, logger, openRequests } = options;
    return {
      module: RestModule,
      imports: [core],
      controllers: [
        ExecutionsController,
        CancellationsController,
        CorrelationController,
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
          useFactory: (theirs: Registry) => Registry.merge([registry, theirs]),
          inject: [coreRegistry],
        },
        ApiDescription,
        BulkAnswers,
        CancelAnswers,
        ParkingAnswers,
        EventsAnswers,
        HistoryStream,
        Readiness,
        StartAnswers,
      ],
    };
  }
}
