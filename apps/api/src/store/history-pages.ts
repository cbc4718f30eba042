import { childLink, type HistoryEvent, type HistoryEntry } from '@flux/contracts';
import type { Gate } from '../lifecycle/execution.js';
import { toChildFinished } from '../lifecycle/messages.js';

/** The types of events that replay needs. */
export const REPLAYED = [
  'task_completed',
  'task_failed',
  'timer_started',
  'value_recorded',
  'rollback_finished',
  'execution_resumed',
  'child_started',
  'child_refused',
  'child_finished',
  'child_joined',
] as const;
type Replayed = HistoryEvent<(typeof REPLAYED)[number]>;

/** How much of a history travels in one message. */
export interface PageLimit {
  readonly events: number;
  /** The bytes of the events' JSON text; one event alone may have more. */
  readonly bytes: number;
  /** A first event that has more does not come, and the page is empty then. */
  readonly mayBeEmpty?: boolean;
}

export interface Page {
  readonly entries: HistoryEntry[];
  /** The number of the event after which the next page begins; absent when there is none. */
  readonly next?: number;
}

/** The history of an execution from after an event on. */
export interface PageWish {
  readonly executionId: string;
  /** The number of the event after which the page begins. */
  readonly after: number;
}

/** An event that replay needs. */
export interface ReplayRow {
  readonly executionId: string;
  readonly seq: number;
  readonly type: Replayed['type'];
  /** Null where the page ends before it. */
  readonly data: string | null;
  readonly at: number;
  /** How many events were looked at. */
  readonly candidates: number;
}

/** The page of each execution, of the rows that were read for it. */
export function toPages(
  wanted: readonly PageWish[],
  rows: readonly ReplayRow[],
  limit: PageLimit,
): Map<string, Page> {
  const own = new Map<string, ReplayRow[]>(wanted.map(({ executionId }) => [executionId, []]));
  for (const row of rows) own.get(row.executionId)?.push(row);
  return new Map(
    wanted.map(({ executionId, after }) => [executionId, toPage(own.get(executionId) ?? [], after, limit)]),
  );
}

function toPage(rows: readonly ReplayRow[], after: number, limit: PageLimit): Page {
  const entries: HistoryEntry[] = [];
  let bytes = 0;
  let taken = 0;
  for (const { type, data, at } of rows) {
    // The JSON text may have been a fraction of this size on disk.
    const isOver = data === null || bytes + data.length > limit.bytes;
    if (data === null || (isOver && (taken > 0 || limit.mayBeEmpty))) break;
    bytes += data.length;
    taken += 1;
    const entry = toEntry({ type, data: JSON.parse(data) as unknown } as Replayed, at);
    if (entry) entries.push(entry);
  }
  const candidates = rows[0]?.candidates ?? 0;
  const isAll = taken === candidates && candidates < limit.events;
  return isAll ? { entries } : { entries, next: rows[taken - 1]?.seq ?? after };
}

/** `undefined` for an event that the body never sees: a resume of a pause that it did not ask for. */
function toEntry({ type, data }: Replayed, at: number): HistoryEntry | undefined {
  const { callId, name } = data;
  if (callId === null || name === null) return undefined;
  const call = { callId, name };
  switch (type) {
    case 'task_completed': {
      const { output = null, outputTypes } = data;
      return { type, ...call, output, ...(outputTypes && { outputTypes }) };
    }
    case 'task_failed':
      return { type, ...call, error: data.error };
    case 'timer_started':
      return { type, ...call, durationMs: data.durationMs, dueAt: Date.parse(data.dueAt) };
    case 'value_recorded':
      return { type, ...call, value: data.value ?? null };
    case 'rollback_finished':
      return { type, ...call, error: data.error };
    case 'child_started':
      return { type, ...call, child: childLink.parse(data) };
    case 'child_joined':
      return { type, ...call };
    case 'child_refused':
    case 'child_finished':
      return toChildFinished(data, at);
    case 'execution_resumed':
      return { type: 'resumed', ...call, value: data.value ?? null };
  }
}

/** The gates of each execution. */
export function gatesOf(
  passed: ReadonlyArray<{ readonly executionId: string; readonly gate: Gate }>,
): Map<string, Gate[]> {
  const gates = new Map<string, Gate[]>();
  for (const { executionId, gate } of passed)
    gates.set(executionId, [...(gates.get(executionId) ?? []), gate]);
  return gates;
}
