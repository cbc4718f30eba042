import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ReportsController } from '../bus/reports.controller.js';
import { CORE, type Core } from '../bus/ports.js';
import { RequestsController } from '../bus/requests.controller.js';
import { createCore, type CoreOptions } from './core.js';

/** Everything of the api but HTTP. The schema must be up to date; the Nest app must bind {@link busSubscriptions}. */
@Module({})
export class CoreModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #core: Core;

  constructor(@Inject(CORE) core: Core) {
    this.#core = core;
  }

  static forRoot(options: CoreOptions): DynamicModule {
    return {
      module: CoreModule,
      controllers: [RequestsController, ReportsController],
      providers: [{ provide: CORE, useFactory: () => createCore(options) }],
      exports: [CORE],
    };
  }

  onApplicationBootstrap(): void {
    this.#core.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#core.quiesce();
  }

  /** Closes the core after the listeners are closed: nothing new can come. */
  async onApplicationShutdown(): Promise<void> {
    await this.#core.close();
  }
}
