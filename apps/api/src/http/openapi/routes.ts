import { CANCELLATION_ROUTES } from './cancellation-routes.js';
import { EXECUTION_ROUTES } from './execution-routes.js';
import { FLEET_ROUTES, OPERATIONS_ROUTES } from './fleet-routes.js';
import type { Routes } from './route.js';
import { SCHEDULE_ROUTES } from './schedule-routes.js';

/** Every route of the API, by its tag and its operation id. */
export const ROUTES: Readonly<Record<string, Routes>> = {
  Executions: EXECUTION_ROUTES,
  Cancellations: CANCELLATION_ROUTES,
  Schedules: SCHEDULE_ROUTES,
  Fleet: FLEET_ROUTES,
  Operations: OPERATIONS_ROUTES,
};

/** Every operation by its id. */
export const OPERATIONS = {
  ...EXECUTION_ROUTES,
  ...CANCELLATION_ROUTES,
  ...SCHEDULE_ROUTES,
  ...FLEET_ROUTES,
  ...OPERATIONS_ROUTES,
};
export type OperationId = keyof typeof OPERATIONS;

const PATTERNS = Object.values(OPERATIONS).map(({ at }) => {
  const [method = '', path = ''] = at.split(' ');
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);
  return { method, path, pattern };
});

/** The routes that a path of a request may mean; none for an unknown path. */
export const routesAt = (path: string) => PATTERNS.filter(({ pattern }) => pattern.test(path));
