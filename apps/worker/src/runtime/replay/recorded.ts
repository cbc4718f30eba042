import type { HistoryEntry } from '@flux/contracts';

export type RecordedResult = Extract<HistoryEntry, { type: 'task_completed' | 'task_failed' }>;

export type RecordedTimer = Extract<HistoryEntry, { type: 'timer_started' }>;

export type RecordedResume = Extract<HistoryEntry, { type: 'resumed' }>;

export type RecordedValue = Extract<HistoryEntry, { type: 'value_recorded' }>;

/** The beginning of the names of patches. No task has such a name, since names begin with a letter or a digit. */
export const PATCH = '$patched.';

/** The names of the events that tell of the cutting off and of the end of a `ctx.scope`. */
export const SCOPE_CUT = '$scope.cut';

export const SCOPE_END = '$scope.end';

/** Why a scope was cut off: by code, by its timeout, or because its function ended before its calls. */
export interface ScopeCut {
  readonly kind: 'cancelled' | 'timed_out' | 'left';
  readonly reason: string | null;
}
