/** What this package needs of the domain, and hands on so that its callers need no second package. */
export { FluxError, formatDuration, isTerminal, parseDuration } from '@flux/domain';
export type { ErrorCode, ExecutionState } from '@flux/domain';
