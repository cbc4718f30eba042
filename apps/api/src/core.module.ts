import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CHECKPOINT_PARTITIONS, type Address, type Topology } from '@flux/contracts';
import { CANCELLATION_SERVICE } from './cancellations/cancellation-service.js';
import { createCore, type Core } from './core.js';
import type { CoreOptions } from './core-options.js';
import { EXECUTION_SERVICE } from './executions/execution-service.js';
import { FLEET_SERVICE } from './fleet/fleet-service.js';
import { EventsController } from './handlers/events.controller.js';
import { RequestsController } from './handlers/requests.controller.js';
import { CORE } from './handlers/tokens.js';
import { SCHEDULE_SERVICE } from './schedules/schedule-service.js';

/** Injection token of the prom-client Registry with the core's figures. */
export const CORE_METRICS_REGISTRY = Symbol('CoreMetricsRegistry');

/** Everything of the api but HTTP. The schema must be up to date; the Nest app must bind {@link busSubscriptions}. */
@Module({})
export class CoreModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(CORE) private readonly core: Core) {}

  static forRoot(options: CoreOptions): DynamicModule {
    return {
      module: CoreModule,
      controllers: [RequestsController, EventsController],
      providers: [
        { provide: CORE, useFactory: () => createCore(options) },
        { provide: EXECUTION_SERVICE, useFactory: (core: Core) => core.executions, inject: [CORE] },
        { provide: CANCELLATION_SERVICE, useFactory: (core: Core) => core.cancellations, inject: [CORE] },
        { provide: FLEET_SERVICE, useFactory: (core: Core) => core.fleet, inject: [CORE] },
        { provide: SCHEDULE_SERVICE, useFactory: (core: Core) => core.schedules, inject: [CORE] },
        { provide: CORE_METRICS_REGISTRY, useFactory: (core: Core) => core.metrics.registry, inject: [CORE] },
      ],
      exports: [
        EXECUTION_SERVICE,
        CANCELLATION_SERVICE,
        FLEET_SERVICE,
        SCHEDULE_SERVICE,
        CORE_METRICS_REGISTRY,
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.core.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.core.quiesce();
  }

  /** After the listeners are closed: nothing new can come. */
  async onApplicationShutdown(): Promise<void> {
    await this.core.close();
  }
}

export interface BusSubscription {
  readonly address: Address;
  readonly prefetch: number;
}

/** What the api consumes. Prefetch is what one transaction can take together, with the next one waiting. */
export function busSubscriptions(topology: Topology): BusSubscription[] {
  const partitions = Array.from({ length: CHECKPOINT_PARTITIONS }, (_, partition) => ({
    address: topology.checkpoints(partition),
    prefetch: 64,
  }));
  return [
    { address: topology.requests, prefetch: 256 },
    ...partitions,
    { address: topology.updates, prefetch: 256 },
  ];
}
