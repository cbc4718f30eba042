import {
  endsExecution,
  historyEvent,
  type EventResource,
  type ExecutionResource,
  type HistoryEventType,
} from '@flux/contracts';
import { latestDeadline } from '@flux/domain';

type Of<T extends HistoryEventType> = Extract<EventResource, { readonly type: T }>;

export function ofType<T extends HistoryEventType>(events: readonly EventResource[], type: T): Of<T>[] {
  return events.filter((event): event is Of<T> => event.type === type);
}

/** The faults in a finished execution's history; empty when it is in legal order. */
export function historyFaults(execution: ExecutionResource, events: readonly EventResource[]): string[] {
  const faults: string[] = [];
  const fault = (holds: boolean, text: string): void => {
    if (!holds) faults.push(`${execution.executionId}: ${text}`);
  };
  const types = events.map((event) => event.type);
  const first = (type: HistoryEventType): number => types.indexOf(type);
  fault(types[0] === 'execution_scheduled', 'does not begin with execution_scheduled');
  fault(
    events.every((event, index) => event.seq === index + 1),
    'its numbers have a gap',
  );
  fault(events.filter(endsExecution).length === 1, 'has not exactly one terminal event');
  fault(events.slice(-1).some(endsExecution), 'goes on after its terminal event');
  fault(types.at(-1) === `execution_${execution.state.toLowerCase()}`, 'ends otherwise than its state says');
  fault(
    events.every((event, index) => index === 0 || event.attempt >= (events[index - 1]?.attempt ?? 0)),
    'an attempt falls',
  );
  fault(
    events.every((event, index) => index === 0 || event.at >= (events[index - 1]?.at ?? '')),
    'its times fall',
  );
  // A cancel is signalled once in each attempt: another attempt gets it when the owner did not live to obey it, or
  // was parked.
  const signalled = events.filter(({ type }) => type === 'cancel_delivered').map(({ attempt }) => attempt);
  fault(new Set(signalled).size === signalled.length, 'was signalled twice');
  if (first('cancel_delivered') >= 0) {
    fault(
      first('cancel_requested') >= 0 && first('cancel_requested') < first('cancel_delivered'),
      'was signalled before it was asked',
    );
  }
  if (execution.state === 'CANCELLED') fault(first('cancel_requested') >= 0, 'was cancelled unasked');
  for (const event of events) {
    const { error } = historyEvent.safeParse(event);
    fault(!error, `event ${event.seq}, ${event.type}, is not as the contracts have it: ${error?.message}`);
  }
  for (const text of taskFaults(events)) fault(false, text);
  faults.push(...cancellationFaults(execution));
  return faults;
}

/** The events at which no task of the attempt before goes on. */
const STANDSTILLS: ReadonlySet<string> = new Set<HistoryEventType>([
  'execution_started',
  'execution_sleeping',
  'execution_paused',
  'execution_handed_back',
  'worker_lost',
  'execution_completed',
  'execution_failed',
  'execution_cancelled',
]);

/** What had begun is on record with its end: a result, or that it was cut off. */
function taskFaults(events: readonly EventResource[]): string[] {
  const faults: string[] = [];
  const begun = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'task_started') {
      if (begun.get(event.data.callId) === event.attempt) faults.push(`${event.data.callId} began twice`);
      begun.set(event.data.callId, event.attempt);
    } else if (/^task_(completed|failed|interrupted)$/.test(event.type)) {
      begun.delete((event as Of<'task_completed'>).data.callId);
    } else if (STANDSTILLS.has(event.type) && begun.size > 0) {
      faults.push(`${[...begun.keys()].join(', ')} had begun and has no end before event ${event.seq}`);
    }
  }
  return faults;
}

function cancellationFaults({ executionId, state, cancellation }: ExecutionResource): string[] {
  if (cancellation === null)
    return state === 'CANCELLED' ? [`${executionId}: CANCELLED without cancellation`] : [];
  const { requestedAt, deliveredAt, stoppedAt, finalizedAt, outcome, cleanup } = cancellation;
  const times = [requestedAt, deliveredAt, stoppedAt, finalizedAt].filter((time) => time !== null);
  const faults: string[] = [];
  if (times.some((time, index) => index > 0 && time < (times[index - 1] ?? ''))) {
    faults.push(`its steps are out of order: ${times.join(' ')}`);
  }
  if (finalizedAt === null) faults.push('is not finalised');
  if (outcome !== (state === 'CANCELLED' ? 'cancelled' : 'already_completed')) {
    faults.push(`outcome ${String(outcome)} for ${state}`);
  }
  if (state === 'CANCELLED' && cleanup === null) faults.push('does not tell of its cleanup');
  return faults.map((text) => `${executionId}: ${text}`);
}

/**
 * When the grace period of a cancel would have ended that had been delivered at once, in epoch milliseconds; `undefined` where
 * no body was told of one.
 */
export function graceEndOf(events: readonly EventResource[], leaseMs: number): number | undefined {
  const [forced] = ofType(events, 'cancel_forced');
  if (forced) return Date.parse(forced.data.deadlineAt);
  const [requested] = ofType(events, 'cancel_requested');
  if (!requested || !events.some(({ type }) => type === 'execution_started')) return undefined;
  const latestAt = Date.parse(requested.data.deadlineAt);
  // A forced cancel has no time at all.
  return Math.max(Date.parse(requested.at), latestAt - latestDeadline(0, 0, leaseMs));
}
