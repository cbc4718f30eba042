import { TERMINAL_EVENTS, type EventResource, type ExecutionResource } from '@flux/contracts';

/** What is wrong with a finished execution's history; empty when it is in legal order. */
export function historyFaults(execution: ExecutionResource, events: readonly EventResource[]): string[] {
  const faults: string[] = [];
  const fault = (holds: boolean, text: string): void => {
    if (!holds) faults.push(`${execution.executionId}: ${text}`);
  };
  const types = events.map((event) => event.type);
  const isTerminal = (type: string): boolean => (TERMINAL_EVENTS as readonly string[]).includes(type);
  const first = (type: string): number => types.indexOf(type);
  fault(types[0] === 'execution_scheduled', 'does not begin with execution_scheduled');
  fault(
    events.every((event, index) => event.seq === index + 1),
    'its numbers have a gap',
  );
  fault(types.filter(isTerminal).length === 1, 'has not exactly one terminal event');
  fault(isTerminal(types.at(-1) ?? ''), 'goes on after its terminal event');
  fault(types.at(-1) === `execution_${execution.state.toLowerCase()}`, 'ends otherwise than its state says');
  fault(
    events.every((event, index) => index === 0 || event.attempt >= (events[index - 1]?.attempt ?? 0)),
    'an attempt falls',
  );
  fault(
    events.every((event, index) => index === 0 || event.at >= (events[index - 1]?.at ?? '')),
    'its times fall',
  );
  // Once in each attempt: a cancel that its owner did not live to obey, or that met it parked, goes to another one.
  const signalled = events.filter(({ type }) => type === 'cancel_delivered').map(({ attempt }) => attempt);
  fault(new Set(signalled).size === signalled.length, 'was signalled twice');
  if (first('cancel_delivered') >= 0) {
    fault(
      first('cancel_requested') >= 0 && first('cancel_requested') < first('cancel_delivered'),
      'was signalled before it was asked',
    );
  }
  if (execution.state === 'CANCELLED') fault(first('cancel_requested') >= 0, 'was cancelled unasked');
  faults.push(...cancellationFaults(execution));
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
