import { Firing, type FiringParts } from './firing.js';
import { FluxScheduleService } from './flux-schedule-service.js';
import type { ScheduleService } from './schedule-service.js';
import { ScheduleStore } from './schedule-store.js';
import { Scheduler } from './scheduler.js';

export interface Schedules {
  readonly service: ScheduleService;
  readonly scheduler: Scheduler;
}

/** All that is about schedules, on the parts of the core. */
export function createSchedules(parts: Omit<FiringParts, 'schedules'>): Schedules {
  const schedules = new ScheduleStore(parts.database);
  const firing = new Firing({ ...parts, schedules });
  return {
    service: new FluxScheduleService(parts.database, schedules, parts.starter, firing),
    scheduler: new Scheduler(schedules, firing, parts.logger),
  };
}
