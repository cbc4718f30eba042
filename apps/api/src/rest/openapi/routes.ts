import { CANCELLATION_ROUTES } from './cancellation-routes.js';
import { EXECUTION_ROUTES } from './execution-routes.js';
import { FLEET_ROUTES } from './fleet-routes.js';
import type { Route } from './route.js';
import { SCHEDULE_ROUTES } from './schedule-routes.js';

/** Every route of the API. */
export const ROUTES: readonly Route[] = [
  ...EXECUTION_ROUTES,
  ...CANCELLATION_ROUTES,
  ...SCHEDULE_ROUTES,
  ...FLEET_ROUTES,
];

const PATTERNS = ROUTES.map(({ method, path }) => ({
  method: method.toUpperCase(),
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** The methods that a path takes; none for an unknown path. */
export function methodsOf(path: string): string[] {
  const methods = PATTERNS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}
