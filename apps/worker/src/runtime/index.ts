export { tooDeepAt } from '@flux/contracts/plain';
export { clip, isA, wordsOf } from './values/error-fields.js';
export { errorInfo } from './values/error-info.js';
export { Execution } from './execution.js';
export type { CancelSignal, ExecutionHost, ExecutionStart, LogLevel, TaskCall } from './host.js';
export { PARK_AFTER_MS, PARK_CHILDREN_AFTER_MS, type ParkedEvent } from './parking.js';
export type { Scope } from './scope.js';
