import { Firing, type FiringParts } from './firing.js';
import { StoredSchedules } from './schedule-service.js';
import { ScheduleStore } from './schedule-store.js';
import { Scheduler } from './scheduler.js';

export interface Schedules {
  readonly service: StoredSchedules;
  readonly scheduler: Scheduler;
}

/** All that is about schedules, on the parts of the core. */
export function createSchedules(parts: Omit<FiringParts, 'schedules'>): Schedules {
  const schedules = new ScheduleStore(parts.database);
  const firing = new Firing({ ...parts, schedules });
  return {
    service: new StoredSchedules({ ...parts, store: schedules, firing }),
    scheduler: new Scheduler({ schedules, firing, logger: parts.logger }),
  };
}
