import type { EventResource } from '@flux/contracts';

const RESULTS = /^(task_completed|task_failed|timer_started|value_recorded|child_joined|rollback_finished)$/;

/** The faults of the results on record: each call has one result, of an attempt that could have made the call. */
export function recordFaults(events: readonly EventResource[]): string[] {
  const faults: string[] = [];
  const began = new Map<number, string>();
  const recorded = new Set<string>();
  for (const { type, at, attempt, data } of events) {
    if (type === 'execution_started') began.set(attempt, at);
    if (!RESULTS.test(type)) continue;
    const { callId, startedAt } = data as { readonly callId: string; readonly startedAt?: string };
    const result = type === 'task_failed' || type === 'task_completed' ? 'result' : type;
    if (recorded.has(`${result} ${callId}`)) faults.push(`${callId} has a second ${result}`);
    recorded.add(`${result} ${callId}`);
    const beganAt = began.get(attempt);
    if (beganAt === undefined)
      faults.push(`${callId} has a ${type} of attempt ${attempt}, which never began`);
    else if (startedAt !== undefined && startedAt < beganAt) {
      faults.push(`${callId} has a ${type} from before attempt ${attempt}`);
    }
  }
  return faults;
}

/**
 * The faults of cancels that were taken back: nobody may have heard of such a cancel.
 * @param heardAt when the body was told of a cancel, epoch milliseconds
 */
export function undoFaults(events: readonly EventResource[], heardAt: readonly number[]): string[] {
  const steps = events.filter(({ type }) => /^cancel_(requested|undone|delivered)$/.test(type));
  const faults: string[] = [];
  for (const [index, { type, at }] of steps.entries()) {
    if (type !== 'cancel_undone') continue;
    const before = steps[index - 1];
    if (before?.type === 'cancel_delivered') faults.push('a cancel was taken back after it was delivered');
    if (steps[index + 1]?.type === 'cancel_delivered') {
      faults.push('was signalled after its cancel was taken back');
    }
    const next = Date.parse(steps[index + 1]?.at ?? '') || Infinity;
    const from = before?.type === 'cancel_requested' ? Date.parse(before.at) : Date.parse(at);
    // Events of the same millisecond may have come before or after.
    if (heardAt.some((time) => time > from && time < next)) {
      faults.push('its body heard of a cancel that was taken back');
    }
  }
  return faults;
}
