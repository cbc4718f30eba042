export { errorInfo } from './error-info.js';
export { Execution, type Scopes } from './execution.js';
export type { CancelRequest, ExecutionHost, ExecutionStart, LogLevel } from './host.js';
export type { Scope } from './scope.js';
export { LongTimer } from './timer.js';
