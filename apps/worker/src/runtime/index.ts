export { errorInfo } from './error-info.js';
export { Execution, type Scopes } from './execution.js';
export type { CancelRequest, ExecutionHost, ExecutionStart, LogLevel } from './host.js';
export { PARK_AFTER_MS, PARK_CHILDREN_AFTER_MS, type ParkedEvent } from './parking.js';
export type { Scope } from './scope.js';
export { LongTimer } from './timer.js';
